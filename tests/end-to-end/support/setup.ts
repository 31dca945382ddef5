/**
 * Chooses what the random content of this run grows from.
 *
 * Purpose: prints the seed, so that a failing run can be repeated on the same content.
 */
import { randomInt } from "node:crypto";
import type { TestProject } from "vitest/node";
import { chromiumProgram, gatewayProgram } from "./environment.ts";

declare module "vitest" {
  interface ProvidedContext {
    seed: number;
  }
}

/** Runs once, before all tests. */
export default function setup(project: TestProject): void {
  gatewayProgram();
  chromiumProgram();
  const seed = Number(process.env.TRUNKLINE_SEED ?? randomInt(2 ** 31));
  process.stdout.write(`content is made from TRUNKLINE_SEED=${seed}\n`);
  project.provide("seed", seed);
}
