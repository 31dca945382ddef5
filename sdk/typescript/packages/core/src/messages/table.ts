// The table of a dialect's message types, as it is generated: shapes that refer to earlier ones by their place.

/** Who sends a message; `gateway` stands for services, too. */
export type Sender = "client" | "gateway";

/** Every message type of one dialect, for {@link checkMessage}. `M` is the union of its messages. */
export interface DialectTable<M extends { type: string } = { type: string }> {
  readonly dialect: "native" | "payload" | "data" | "flat" | "open";
  /** The shape of a frame whose type nobody knows. */
  readonly untyped: number;
  readonly shapes: readonly Shape[];
  /** By its name: the shape of a type's frame, and who sends it (`local`: the client library raises it). */
  readonly types: Readonly<Record<string, readonly [frame: number, sender: Sender | "both" | "local"]>>;
  /** Never there: it carries the type of the messages. */
  readonly messages?: M;
}

/** What a value must be; what is left out or `null` is no bound. Other fields of an object are allowed. */
export type Shape =
  | readonly [kind: "any" | "nothing" | "null" | "boolean"]
  | readonly [kind: "integer" | "number", least?: number | null, most?: number | null]
  | readonly [kind: "string", least?: number | null, most?: number | null, pattern?: string | null]
  | readonly [kind: "choice", values: readonly string[]]
  | readonly [kind: "literal", value: string | boolean]
  | readonly [kind: "array", items: number, least?: number | null, most?: number | null]
  | readonly [kind: "union", shapes: readonly number[]]
  | ObjectShape
  | ObjectOnAnother;

/** An object: names and shapes of its fields, the places of the required ones, the shape of other fields. */
export type ObjectShape = readonly [
  kind: "object",
  names: readonly string[],
  shapes: readonly number[],
  required: readonly number[],
  rules?: readonly Rule[],
  others?: number | null,
  least?: number | null,
  most?: number | null,
];

/** An object by what it has beyond another one: fields that are new or another's, and names that are required here. */
export type ObjectOnAnother = readonly [
  kind: "on",
  base: number,
  names: readonly string[],
  shapes: readonly number[],
  required: readonly string[],
  rules?: readonly Rule[],
];

/** A rule about several fields of one object. */
export type Rule =
  | readonly [rule: "at least one" | "exactly one", names: readonly string[]]
  | readonly [
      rule: "when",
      field: string,
      is: string | boolean,
      then: readonly string[],
      otherwise: readonly string[],
    ];
