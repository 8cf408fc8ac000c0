/** The part of OpenAPI v3 that structural schemas of CustomResourceDefinitions are made of. */
export interface Schema {
  readonly type: 'string' | 'integer' | 'boolean' | 'array' | 'object';
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

type Rules = Omit<Schema, 'type' | 'description'>;

export function string(description: string, rules: Rules = {}): Schema {
  return { description, type: 'string', ...rules };
}

export function oneOf(description: string, values: readonly string[], rules: Rules = {}): Schema {
  return { description, type: 'string', enum: values, ...rules };
}

export function boolean(description: string): Schema {
  return { description, type: 'boolean' };
}

export function int32(description: string, rules: Rules = {}): Schema {
  return { description, type: 'integer', format: 'int32', ...rules };
}

export function int64(description: string, rules: Rules = {}): Schema {
  return { description, type: 'integer', format: 'int64', ...rules };
}

/** A list without an order, each value once. */
export function setOf(description: string, items: Schema, rules: Rules = {}): Schema {
  return { description, type: 'array', items, 'x-kubernetes-list-type': 'set', ...rules };
}

/** A list that is replaced as a whole. */
export function listOf(description: string, items: Schema, rules: Rules = {}): Schema {
  return { description, type: 'array', items, 'x-kubernetes-list-type': 'atomic', ...rules };
}

/** A list of objects told apart by a field. */
export function mapOf(description: string, key: string, items: Schema): Schema {
  const keys = { 'x-kubernetes-list-map-keys': [key], 'x-kubernetes-list-type': 'map' } as const;
  return { description, type: 'array', items, ...keys };
}

export function object(
  description: string,
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema {
  return { description, type: 'object', properties, ...(required.length > 0 && { required }) };
}
