import { convert } from './convert.ts';
import { type Extent, elementsOf, isList, membersOf, parseAt } from './scan.ts';
import { parseExactly } from './wire.ts';

/** More than a review, its request or an object has. */
const MOST_MEMBERS = 100;

/**
 * What an object may be. The API server takes no request of more than 3 MiB; profiles have some thousand values, ten deep.
 * Beyond that an object is not parsed: that costs up to 44 bytes of memory a byte of text, and any depth costs stack.
 */
export const LARGEST_OBJECT = { bytes: 3 * 2 ** 20, values: 100_000, depth: 500 } as const;

/**
 * Answers a ConversionReview of apiextensions.k8s.io/v1, piece by piece: of a list of thousands, one object at a time is
 * parsed, converted and written. The API server takes a list as a whole or not at all: it is shown which of the objects cannot be converted.
 * @returns undefined where it is no such review.
 * @throws SyntaxError, TypeError (no UTF-8)
 */
export function convertReview(text: Uint8Array): Iterable<string> | undefined {
  const review = membersOf(text, 0, MOST_MEMBERS);
  const request = membersOf(text, review?.get('request')?.start ?? text.length, MOST_MEMBERS);
  const [kind, uid, desired] = [review?.get('kind'), request?.get('uid'), request?.get('desiredAPIVersion')].map(
    (extent) => stringAt(text, extent),
  );
  const objects = request?.get('objects');
  if (kind !== 'ConversionReview' || uid === undefined || objects === undefined || !isList(text, objects))
    return undefined;
  return answerTo(text, uid, desired, objects);
}

/** `result` comes last: what it has to say is known when all objects are written. */
function* answerTo(text: Uint8Array, uid: string, desired: string | undefined, objects: Extent): Generator<string> {
  const head = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview","response":{"uid":${JSON.stringify(uid)}`;
  yield `${head},"convertedObjects":[`;
  let message = desired === undefined ? 'the review names no desiredAPIVersion' : undefined;
  if (desired !== undefined) {
    let count = 0;
    try {
      for (const object of elementsOf(text, objects.start)) {
        const converted = convertAt(text, object, desired);
        yield count === 0 ? converted : `,${converted}`;
        count++;
      }
    } catch (error) {
      message = `object ${count + 1} of the list: ${reasonOf(error)}`;
    }
  }
  const result = message === undefined ? { status: 'Success' } : { status: 'Failed', message };
  yield `],"result":${JSON.stringify(result)}}}`;
}

/** @throws RangeError, SyntaxError, TypeError */
function convertAt(text: Uint8Array, object: Extent, desired: string): string {
  const { bytes, values, depth } = LARGEST_OBJECT;
  const named = () => nameOf(text, object);
  if (object.end - object.start > bytes) throw new RangeError(`${named()} has more than ${bytes} bytes`);
  if (object.depth > depth) throw new RangeError(`${named()} is nested more than ${depth} deep`);
  if (object.values > values) throw new RangeError(`${named()} has more than ${values} values`);
  return JSON.stringify(convert(parseAt(text, object, parseExactly), desired));
}

function reasonOf(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  if (error instanceof SyntaxError || error instanceof TypeError) return 'it is not JSON';
  throw error;
}

/** Kind and name, without parsing the object. */
function nameOf(text: Uint8Array, { start }: Extent): string {
  const members = membersOf(text, start, MOST_MEMBERS);
  const metadata = members?.get('metadata');
  const kind = stringAt(text, members?.get('kind'));
  const name = metadata && stringAt(text, membersOf(text, metadata.start, MOST_MEMBERS)?.get('name'));
  return [kind ?? 'an object', name].filter(Boolean).join(' ');
}

/** Kinds, names and versions are short. */
function stringAt(text: Uint8Array, extent: Extent | undefined): string | undefined {
  if (extent === undefined || extent.end - extent.start > 1000) return undefined;
  const value = parseAt(text, extent, JSON.parse);
  return typeof value === 'string' ? value : undefined;
}
