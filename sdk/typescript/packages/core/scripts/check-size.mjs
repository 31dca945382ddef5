// Fails when an entry, minified and gzipped as an application would do it, is larger than its budget, or contains what it
// is told apart from.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const MESSAGES = JSON.stringify(fileURLToPath(new URL("../src/messages/index.ts", import.meta.url)));

const ENTRIES = [
  {
    name: "@trunkline/client",
    source: "index.ts",
    bytesMax: 10_450,
    without: ["/src/msgpack/", "/src/messages/"],
  },
  { name: "@trunkline/client/dialects", source: "codec/dialects.ts", bytesMax: 3_000 },
  { name: "@trunkline/client/msgpack", source: "msgpack/index.ts", bytesMax: 3_500 },
  { name: "@trunkline/client/messages", source: "messages/index.ts", bytesMax: 15_000 },
  {
    name: "@trunkline/client/messages, one dialect",
    code: `import { checkMessage, flat } from ${MESSAGES}; export const check = (frame) => checkMessage(flat, frame);`,
    bytesMax: 5_550,
    without: [
      "/payload.table.ts",
      "/native.table.ts",
      "/data.table.ts",
      "/open.table.ts",
      "/generated/flat.ts",
    ],
  },
];

/** An entry that is a text. */
const given = (code) => ({
  name: "given",
  resolveId: (id) => (id === "virtual:entry" ? id : null),
  load: (id) => (id === "virtual:entry" ? code : null),
});

for (const { name, source, code: text, bytesMax, without = [] } of ENTRIES) {
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    plugins: text ? [given(text)] : [],
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input: text ? "virtual:entry" : fileURLToPath(new URL(`../src/${source}`, import.meta.url)),
        preserveEntrySignatures: "strict",
      },
    },
  });
  const [{ code, moduleIds }] = output;
  const bytes = gzipSync(code, { level: 9 }).length;
  console.log(`${name}: ${bytes} bytes min+gzip of ${bytesMax} (${code.length} minified)`);
  const foreign = moduleIds.find((id) => without.some((part) => id.includes(part)));
  if (foreign) console.log(`${name} contains ${foreign}`);
  if (bytes > bytesMax || foreign) process.exitCode = 1;
}
