// Fails when what an application would load, minified and gzipped, is larger than its budget.
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const BUDGETS = [
  { name: "@trunkline/client", source: "../src/index.ts", bytesMax: 9_000 },
  { name: "@trunkline/client/dialects", source: "../src/codec/dialects.ts", bytesMax: 3_000 },
];

for (const { name, source, bytesMax } of BUDGETS) {
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input: fileURLToPath(new URL(source, import.meta.url)),
        preserveEntrySignatures: "strict",
      },
    },
  });
  const [{ code }] = output;
  const bytes = gzipSync(code, { level: 9 }).length;
  console.log(`${name}: ${bytes} bytes min+gzip of ${bytesMax} (${code.length} minified)`);
  if (bytes > bytesMax) process.exitCode = 1;
}
