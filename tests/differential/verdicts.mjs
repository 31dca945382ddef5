// Says of each frame on stdin what the TypeScript client's check says of it; `crates/trunkline-catalogue/examples/verdicts.rs`
// has the lines.
import { createInterface } from "node:readline";
import { checkMessage, data, flat, native, open, payload } from "@trunkline/client/messages";

const tables = { native, payload, data, flat, open };

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { dialect, sender, frame } = JSON.parse(line);
  console.log(JSON.stringify(verdict(tables[dialect], sender, frame)));
}

function verdict(table, sender, text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    return { kind: "not_json", path: "", words: `no JSON: ${error.message}` };
  }
  return checkMessage(table, frame, { sender }) ?? null;
}
