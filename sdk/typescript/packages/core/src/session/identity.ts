/**
 * Which session this client is, kept where other tabs find it.
 *
 * Purpose: reads and writes the session's id and secret. It does not know what a session
 * contains, and treats whatever it finds in the storage as possibly damaged.
 */
import { isObject } from "../codec/envelope.ts";
import type { Storage } from "../transport/providers.ts";

/** A session and, where it is anonymous, the secret that gives the right to it. */
export interface SessionIdentity {
  id: string;
  secret?: string;
}

/** The identity in one storage under one key. */
export class IdentityStore {
  constructor(
    private readonly storage: Storage,
    private readonly key: string,
  ) {}

  /** What is kept, or `undefined` where nothing usable is. */
  load(): SessionIdentity | undefined {
    const text = this.storage.getItem(this.key);
    return text === null ? undefined : parseIdentity(text);
  }

  save(identity: SessionIdentity): void {
    this.storage.setItem(this.key, JSON.stringify(identity));
  }

  /** The next client that uses this storage makes a new session. */
  clear(): void {
    this.storage.removeItem(this.key);
  }
}

function parseIdentity(text: string): SessionIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // Another program's text: as good as nothing, a new session replaces it.
  }
  if (!isObject(value) || typeof value.id !== "string") return undefined;
  return { id: value.id, ...(typeof value.secret === "string" && { secret: value.secret }) };
}
