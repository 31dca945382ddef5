// Fails when an entry, minified and gzipped as an application would do it, is larger than its budget, or the client
// contains the codec that it is told apart from.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ENTRIES = [
  { name: "@trunkline/client", source: "index.ts", bytesMax: 9_000, without: "/src/msgpack/" },
  { name: "@trunkline/client/dialects", source: "codec/dialects.ts", bytesMax: 3_000 },
  { name: "@trunkline/client/msgpack", source: "msgpack/index.ts", bytesMax: 3_500 },
];

for (const { name, source, bytesMax, without } of ENTRIES) {
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input: fileURLToPath(new URL(`../src/${source}`, import.meta.url)),
        preserveEntrySignatures: "strict",
      },
    },
  });
  const [{ code, moduleIds }] = output;
  const bytes = gzipSync(code, { level: 9 }).length;
  console.log(`${name}: ${bytes} bytes min+gzip of ${bytesMax} (${code.length} minified)`);
  const foreign = without && moduleIds.find((id) => id.includes(without));
  if (foreign) console.log(`${name} contains ${foreign}`);
  if (bytes > bytesMax || foreign) process.exitCode = 1;
}
