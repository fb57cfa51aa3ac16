// Writes ecs_types.txt: the types of the ECS fields that docs/events.md names. README.md says how to run it.

const fs = require("fs");
const path = require("path");
const { EcsFlat } = require("@elastic/ecs/generated/ecs_flat.js");

const page = fs.readFileSync(path.join(__dirname, "../../../../docs/events.md"), "utf8");
const names = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1].replaceAll("[]", ""));
const parents = names.filter((name) => name.startsWith("process.") && !name.endsWith("*"))
  .map((name) => name.replace("process.", "process.parent."));
const known = [...new Set([...names, ...parents])].filter((name) => EcsFlat[name]).sort();
fs.writeFileSync(path.join(__dirname, "ecs_types.txt"), known.map((name) => `${name} ${EcsFlat[name].type}\n`).join(""));
