# what: a JavaScript program that keeps its just-in-time compiler busy, in worker threads
# packages: nodejs
need node
cat > jit.js <<'J'
const { Worker, isMainThread } = require('worker_threads');
if (isMainThread) { new Worker(__filename); new Worker(__filename); } else {
  for (let n = 0; ; n++) {
    const f = new Function('x', `let s = ${n}; for (let i = 0; i < 20000; i++) s = (s * x + i) % 1000003; return s;`);
    for (let i = 0; i < 50; i++) f(i);
  }
}
J
for_a_while node jit.js
