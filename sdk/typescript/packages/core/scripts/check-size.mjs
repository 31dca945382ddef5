// Fails when the whole client, minified and gzipped as an application would do it, is larger than its budget.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const BYTES_MAX = 9_000;

const { output } = await build({
  configFile: false,
  logLevel: "error",
  build: {
    write: false,
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      input: fileURLToPath(new URL("../src/index.ts", import.meta.url)),
      preserveEntrySignatures: "strict",
    },
  },
});
const [{ code }] = output;
const bytes = gzipSync(code, { level: 9 }).length;
console.log(`@trunkline/client: ${bytes} bytes min+gzip of ${BYTES_MAX} (${code.length} minified)`);
process.exitCode = bytes <= BYTES_MAX ? 0 : 1;
