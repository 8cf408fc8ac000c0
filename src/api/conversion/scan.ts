/**
 * Finds its way in the text of a JSON value without parsing it: where a member or an element begins and ends, and what
 * parsing it would cost. A list of thousands of objects is so taken one object at a time.
 */

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A value in a text. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  /** Objects, lists and what is in them; somewhat more than there are. */
  readonly values: number;
  /** Objects and lists within each other. */
  readonly depth: number;
}

/**
 * The value that begins at or after `from`. What is inside of it is not checked.
 * @throws SyntaxError where none begins, or it does not end.
 */
export function extentOf(text: Uint8Array, from: number): Extent {
  const start = afterBlanks(text, from);
  let [at, level, depth, values] = [start, 0, 0, 1];
  do {
    const byte = text[at];
    if (byte === undefined) throw unexpected(at);
    if (byte === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      values++;
      depth = Math.max(depth, ++level);
    } else if (level === 0) at = endOfWord(text, at) - 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) level--;
    else if (byte === COMMA) values++;
    at++;
  } while (level > 0);
  return { start, end: at, values, depth };
}

/**
 * The values of an object's members; of several with one name the last, as JSON.parse() has it.
 * @param most members: more are an error.
 * @returns undefined where no object begins there.
 * @throws SyntaxError
 */
export function membersOf(text: Uint8Array, from: number, most: number): Map<string, Extent> | undefined {
  const start = afterBlanks(text, from);
  if (text[start] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Extent>();
  let at = afterBlanks(text, start + 1);
  if (text[at] === CLOSE_OBJECT) return members;
  for (let count = 0; count < most; count++) {
    if (text[at] !== QUOTE) throw unexpected(at);
    const end = endOfString(text, at);
    const colon = afterBlanks(text, end);
    if (text[colon] !== COLON) throw unexpected(colon);
    const value = extentOf(text, colon + 1);
    members.set(parseAt(text, { start: at, end }, JSON.parse) as string, value);
    const next = afterBlanks(text, value.end);
    if (text[next] === CLOSE_OBJECT) return members;
    if (text[next] !== COMMA) throw unexpected(next);
    at = afterBlanks(text, next + 1);
  }
  throw new SyntaxError(`an object has more than ${most} members`);
}

/**
 * The elements of the list that begins at `start`, one by one.
 * @throws SyntaxError
 */
export function* elementsOf(text: Uint8Array, start: number): Generator<Extent, void> {
  if (text[start] !== OPEN_LIST) throw unexpected(start);
  let at = afterBlanks(text, start + 1);
  if (text[at] === CLOSE_LIST) return;
  for (;;) {
    const element = extentOf(text, at);
    yield element;
    at = afterBlanks(text, element.end);
    if (text[at] === CLOSE_LIST) return;
    if (text[at] !== COMMA) throw unexpected(at);
    at++;
  }
}

export const isList = (text: Uint8Array, { start }: Pick<Extent, 'start'>): boolean => text[start] === OPEN_LIST;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @throws TypeError where it is not UTF-8, SyntaxError where it is not JSON. */
export function parseAt(
  text: Uint8Array,
  { start, end }: Pick<Extent, 'start' | 'end'>,
  parse: (text: string) => unknown,
): unknown {
  return parse(UTF8.decode(text.subarray(start, end)));
}

/** Blank, tab, line feed, carriage return. */
function afterBlanks(text: Uint8Array, from: number): number {
  let at = from;
  for (let byte = text[at]; byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d; byte = text[at]) at++;
  return at;
}

function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1;
  for (let byte = text[at]; byte !== QUOTE; byte = text[at]) {
    if (byte === undefined) throw unexpected(at);
    at += byte === BACKSLASH ? 2 : 1;
  }
  return at + 1;
}

/** Of a number, `true`, `false` or `null`. */
function endOfWord(text: Uint8Array, start: number): number {
  let at = start;
  for (let byte = text[at]; byte !== undefined && /[\w.+-]/.test(String.fromCharCode(byte)); byte = text[at]) at++;
  if (at === start) throw unexpected(at);
  return at;
}

function unexpected(at: number): SyntaxError {
  return new SyntaxError(`this is not JSON at byte ${at}`);
}
