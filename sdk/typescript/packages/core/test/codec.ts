/**
 * The codec in which the scenarios run.
 *
 * Purpose: every scenario holds in each codec; `vitest.config.ts` runs them once for each.
 */
import { jsonCodec } from "../src/codec/codec.ts";
import { messagePack } from "../src/msgpack/index.ts";

/** See the module comment. */
export const codecUnderTest = process.env.TRUNKLINE_TEST_CODEC === "msgpack" ? messagePack : jsonCodec;
