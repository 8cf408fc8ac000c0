import { wholeSchema } from '../crd.ts';
import { CONVERTED_KINDS } from '../kinds.ts';
import { conforms } from './conforms.ts';
import { apply, at, type Change, changes, type Fields, isFields, type Json, put, same } from './json.ts';
import { OLD_VERSIONS, type OldVersion } from './old-versions.ts';
import { schemaAt } from './schema-edit.ts';

/**
 * Written where a version cannot say what the other one said: `{"version":"v1alpha1","changes":[[["spec","disabled"],true],…]}`
 * is how the object differs, in that version, from what it would be converted to. Only what has come to mean the same is
 * taken from it, so it never overrules a change, and it is gone again in the version it is about.
 */
export const CONVERSION_ANNOTATION = 'spo.x-k8s.io/conversion';
/** More than an object of ours has of such fields: beyond them somebody is wasting our time. */
const MOST_CHANGES = 100;

const ANNOTATION = ['metadata', 'annotations', CONVERSION_ANNOTATION];
const V1 = new Map(CONVERTED_KINDS.map((kind) => [kind.kind as string, wholeSchema(kind)]));

/**
 * An object in another version of its group. It is total: whatever the object is, something comes back, and converting
 * that back gives the object (its version, and an `annotations` that is empty, aside). What it does not know stays.
 */
export function convert(object: Json, apiVersion: string): Json {
  if (!isFields(object)) return object;
  const old = OLD_VERSIONS.get(String(at(object, ['kind'])));
  const from = version(at(object, ['apiVersion']));
  const to = version(apiVersion);
  const target = { ...object, apiVersion };
  if (old === undefined || from === to) return target;
  if (from === old.version && to === 'v1') return turn(target, { ...toV1(old), from, to });
  if (from === 'v1' && to === old.version) return turn(target, { ...fromV1(old), from, to });
  return target;
}

interface Turn {
  readonly from: string;
  readonly to: string;
  forth(object: Fields): Fields;
  back(object: Fields): Fields;
  /** Whether a change may come back from an annotation. */
  allows(change: Change, kind: string): boolean;
}

const upward = ({ steps }: OldVersion, object: Fields) => steps.reduceRight((value, step) => step.toV1(value), object);
const downward = ({ steps }: OldVersion, object: Fields) => steps.reduce((value, step) => step.fromV1(value), object);

function toV1(old: OldVersion): Pick<Turn, 'forth' | 'back' | 'allows'> {
  return {
    forth: (object) => upward(old, object),
    back: (object) => downward(old, object),
    // What v1 has and the old version has not is seen by no schema on this way: it has to conform.
    allows: ([path, value], kind) => {
      const schema = V1.get(kind);
      const rule = schema && schemaAt(schema, path);
      const known = old.steps.some(({ added }) => added && same(added.path, path));
      return known && rule !== undefined && (value === undefined || conforms(value, rule));
    },
  };
}

function fromV1(old: OldVersion): Pick<Turn, 'forth' | 'back' | 'allows'> {
  return {
    forth: (object) => downward(old, object),
    back: (object) => upward(old, object),
    allows: ([[top]]) => top === 'spec' || top === 'status' || top === 'nodeName',
  };
}

function turn(source: Fields, way: Turn): Fields {
  const bare = withoutAnnotation(source);
  const plain = way.forth(bare);
  const remembered = read(source, way.to).filter((change) => way.allows(change, String(at(source, ['kind']))));
  const result = restore(plain, remembered, (candidate) => same(way.back(candidate), bare));
  const lost = changes(way.back(result), bare);
  if (lost.length === 0 || !isFields(at(result, ['metadata']))) return result;
  const text = JSON.stringify({ version: way.from, changes: lost });
  const annotations = at(result, ['metadata', 'annotations']) ?? {};
  return isFields(annotations) ? put(put(result, ['metadata', 'annotations'], annotations), ANNOTATION, text) : result;
}

/** Applies what still means the same: all at once, or else those that do so one by one. */
function restore(plain: Fields, remembered: readonly Change[], means: (candidate: Fields) => boolean): Fields {
  if (remembered.length === 0) return plain;
  const whole = apply(plain, remembered);
  if (means(whole)) return whole;
  return remembered.reduce((result, change) => {
    const candidate = apply(result, [change]);
    return means(candidate) ? candidate : result;
  }, plain);
}

function withoutAnnotation(object: Fields): Fields {
  const bare = put(object, ANNOTATION, undefined);
  const left = at(bare, ['metadata', 'annotations']);
  const empty = bare !== object && isFields(left) && Object.keys(left).length === 0;
  return empty ? put(bare, ['metadata', 'annotations'], undefined) : bare;
}

/** What the annotation says of a version; nothing where it is not as we write it. */
function read(object: Fields, to: string): Change[] {
  const text = at(object, ANNOTATION);
  if (typeof text !== 'string') return [];
  try {
    const { version: of, changes: list }: { version?: Json; changes?: Json } = JSON.parse(text) ?? {};
    return of === to && Array.isArray(list) && list.length <= MOST_CHANGES && list.every(isChange) ? list : [];
  } catch {
    return [];
  }
}

function isChange(value: Json): value is Change {
  const [path] = Array.isArray(value) ? value : [];
  return Array.isArray(path) && path.length > 0 && path.every((name) => typeof name === 'string');
}

function version(apiVersion: Json): string {
  return String(apiVersion).split('/').at(-1) ?? '';
}
