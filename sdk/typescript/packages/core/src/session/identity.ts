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

/** The identity of one client, and its copy in a storage. */
export class IdentityStore {
  #own: SessionIdentity | undefined;
  /** What was found in the storage last: by the time of the answer somebody may have cleared it. */
  #asked: SessionIdentity | undefined;

  constructor(
    private readonly storage: Storage,
    private readonly key: string,
    initial: SessionIdentity | undefined,
  ) {
    this.#own = initial;
  }

  /** The session to ask for. Once a client has one it stays with it, whatever other tabs store. */
  load(): SessionIdentity | undefined {
    if (this.#own) return this.#own;
    const text = this.storage.getItem(this.key);
    this.#asked = text === null ? undefined : parseIdentity(text);
    return this.#asked;
  }

  /** The gateway gave this session; a secret comes only with a new one. */
  settle(id: string, secret: string | undefined): void {
    const asked = this.#own ?? this.#asked;
    const isNew = asked?.id !== id || secret !== undefined;
    this.#own = isNew ? { id, ...(secret !== undefined && { secret }) } : asked;
    this.storage.setItem(this.key, JSON.stringify(this.#own));
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
