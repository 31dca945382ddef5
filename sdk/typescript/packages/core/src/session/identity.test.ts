import { expect, it } from "vitest";
import { memoryStorage } from "../transport/platform.ts";
import { IdentityStore } from "./identity.ts";

const KEY = "session";

it("keeps the secret of a resumed session when the storage was cleared meanwhile", () => {
  const storage = memoryStorage();
  storage.setItem(KEY, '{"id":"s1","secret":"x"}');
  const identity = new IdentityStore(storage, KEY, undefined);
  expect(identity.load()).toEqual({ id: "s1", secret: "x" });
  storage.removeItem(KEY);
  identity.settle("s1", undefined);
  expect(identity.load()).toEqual({ id: "s1", secret: "x" });
  expect(JSON.parse(storage.getItem(KEY) ?? "")).toEqual({ id: "s1", secret: "x" });
});

it("takes another session without the secret of the old one", () => {
  const storage = memoryStorage();
  storage.setItem(KEY, '{"id":"s1","secret":"x"}');
  const identity = new IdentityStore(storage, KEY, undefined);
  identity.load();
  identity.settle("s2", undefined);
  expect(identity.load()).toEqual({ id: "s2" });
});
