/** The part of OpenAPI v3 that structural schemas of CustomResourceDefinitions are made of. */
export interface Schema {
  /** Absent only beside `x-kubernetes-preserve-unknown-fields`: any JSON. */
  readonly type?: 'string' | 'integer' | 'boolean' | 'array' | 'object';
  readonly description?: string;
  readonly default?: unknown;
  readonly nullable?: true;
  readonly enum?: readonly string[];
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic';
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
}

type Rules = Omit<Schema, 'type' | 'description' | 'enum' | 'items' | 'properties' | 'required'>;
type Properties = Readonly<Record<string, Schema>>;

// The functions below keep the literal types of what they are given: types.ts derives TypeScript's types from them.

export function string(description: string, rules: Rules = {}) {
  return { description, type: 'string', ...rules } as const;
}

export function oneOf<const E extends string>(description: string, values: readonly E[], rules: Rules = {}) {
  return { description, type: 'string', enum: values, ...rules } as const;
}

export function boolean(description: string) {
  return { description, type: 'boolean' } as const;
}

export function int32(description: string, rules: Rules = {}) {
  return { description, type: 'integer', format: 'int32', ...rules } as const;
}

export function int64(description: string, rules: Rules = {}) {
  return { description, type: 'integer', format: 'int64', ...rules } as const;
}

/** A list without an order, each value once. */
export function setOf<const S extends Schema>(description: string, items: S, rules: Rules = {}) {
  return { description, type: 'array', items, 'x-kubernetes-list-type': 'set', ...rules } as const;
}

/** A list that is replaced as a whole. */
export function listOf<const S extends Schema>(description: string, items: S, rules: Rules = {}) {
  return { description, type: 'array', items, 'x-kubernetes-list-type': 'atomic', ...rules } as const;
}

/** A list of objects told apart by a field. */
export function mapOf<const S extends Schema>(description: string, key: string, items: S) {
  const keys = { 'x-kubernetes-list-map-keys': [key], 'x-kubernetes-list-type': 'map' } as const;
  return { description, type: 'array', items, ...keys } as const;
}

export interface ObjectSchema<P> {
  readonly description: string;
  readonly type: 'object';
  readonly properties: P;
}

// Two signatures: of a list that is left out TypeScript would make what the place wants to have, any names at all.
export function object<const P extends Properties>(description: string, properties: P): ObjectSchema<P>;
export function object<const P extends Properties, const R extends keyof P & string>(
  description: string,
  properties: P,
  required: readonly R[],
): ObjectSchema<P> & { readonly required: readonly R[] };
export function object(description: string, properties: Properties, required: readonly string[] = []): Schema {
  return { description, type: 'object', properties, ...(required.length > 0 && { required }) };
}

/** A merge patch that takes all fields away: whoever writes an object of them puts it before those that it has. */
export function nulls({ properties }: ObjectSchema<Properties>): Readonly<Record<string, null>> {
  return Object.fromEntries(Object.keys(properties).map((name) => [name, null]));
}

/** The same words with something before each. */
export function prefixed<const P extends string, const N extends string>(prefix: P, names: readonly N[]) {
  return names.map((name) => `${prefix}${name}` as const);
}

/** What a value that obeys a schema is, in TypeScript. */
export type FromSchema<S> = S extends { readonly nullable: true }
  ? FromSchema<Omit<S, 'nullable'>> | null
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly type: 'string' }
      ? string
      : S extends { readonly type: 'integer' }
        ? number
        : S extends { readonly type: 'boolean' }
          ? boolean
          : S extends { readonly type: 'array'; readonly items: infer I }
            ? readonly FromSchema<I>[]
            : S extends { readonly properties: infer P }
              ? Fields<P, S extends { readonly required: readonly (infer R)[] } ? R : never>
              : S extends { readonly additionalProperties: infer V }
                ? Readonly<Record<string, FromSchema<V>>>
                : unknown;

type Fields<P, R> = { readonly [K in keyof P as K extends R ? K : never]: FromSchema<P[K]> } & {
  readonly [K in keyof P as K extends R ? never : K]?: FromSchema<P[K]>;
};
