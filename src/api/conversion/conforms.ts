import type { Schema } from '../schema.ts';
import { isFields, type Json } from './json.ts';

/**
 * Whether a value is what a schema allows. The API server does not look at what a converter gives back, so what comes
 * out of an annotation, which anybody may have written, is looked at here.
 */
export function conforms(value: Json, schema: Schema): boolean {
  if (value === null) return schema.nullable === true;
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' && stringConforms(value, schema);
    case 'integer':
      return Number.isSafeInteger(value) && (value as number) >= (schema.minimum ?? Number.MIN_SAFE_INTEGER);
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return (
        Array.isArray(value) &&
        value.length >= (schema.minItems ?? 0) &&
        value.length <= (schema.maxItems ?? Number.POSITIVE_INFINITY) &&
        value.every((item) => conforms(item, schema.items ?? {}))
      );
    case 'object':
      return isFields(value) && fieldsConform(value, schema);
    default:
      return true;
  }
}

function stringConforms(value: string, schema: Schema): boolean {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (schema.enum && !schema.enum.includes(value)) return false;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) return false;
  return value.length >= minLength && value.length <= maxLength;
}

function fieldsConform(value: Readonly<Record<string, Json>>, schema: Schema): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields']) return true;
  if (!(schema.required ?? []).every((name) => Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, field]) => {
    const known = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const rule = known ?? schema.additionalProperties;
    return rule !== undefined && conforms(field, rule);
  });
}
