# what: a Java program with much garbage, large pages and parallel collection
# packages: default-jdk-headless
need java
cat > Garbage.java <<'J'
import java.util.*;
public class Garbage {
  public static void main(String[] a) throws Exception {
    long end = System.currentTimeMillis() + Long.parseLong(a[0]) * 1000;
    Thread[] workers = new Thread[2];
    for (int i = 0; i < 2; i++) (workers[i] = new Thread(() -> {
      List<byte[]> kept = new ArrayList<>();
      while (System.currentTimeMillis() < end) {
        kept.add(new byte[4096]);
        if (kept.size() > 20000) kept = new ArrayList<>();
      }
    })).start();
    for (Thread w : workers) w.join();
  }
}
J
for_a_while java -Xmx512m -XX:+UseParallelGC -XX:+UseLargePages -XX:+UseTransparentHugePages Garbage.java "$LENGTH" 2>/dev/null
