import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments } from 'yaml';
import { ProfileError } from './error.ts';

const MAX_SIZE = 1 << 20; // A profile of all calls with names and arguments is below 100 kB.
const MAX_DOCUMENTS = 16;
/** A profile nests 7 deep; managed fields of an object from a cluster somewhat more. */
const MAX_DEPTH = 64;

/** A value of a YAML or JSON text that knows where it stands, and checks what it is when asked. */
export class Value {
  readonly #node: Node | null;
  readonly #path: string;
  readonly #source: Source;
  readonly #key: Node | null;

  constructor(node: Node | null, path: string, source: Source, key: Node | null = null) {
    this.#node = node;
    this.#path = path;
    this.#source = source;
    this.#key = key;
  }

  fail(message: string): never {
    throw new ProfileError(
      `${this.#path || 'the document'}: ${message}`,
      this.#source.file,
      this.#source.position(this.#node),
    );
  }

  /** Fails at the key, where it is the field itself that is wrong. */
  failKey(message: string): never {
    return new Value(this.#key, this.#path, this.#source).fail(message);
  }

  /** Where it stands: `file:line:column`. */
  get place(): string {
    const at = this.#source.position(this.#node);
    return at ? `${this.#source.file}:${at.line}:${at.column}` : this.#source.file;
  }

  get isAbsent(): boolean {
    return this.#node === null || (isScalar(this.#node) && this.#node.value === null);
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  /** The values of a map by key. @throws ProfileError when it is none. */
  fields(): Map<string, Value> {
    if (!isMap(this.#node)) return this.fail('a map is expected');
    const fields = new Map<string, Value>();
    for (const pair of this.#node.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? String(pair.key.value) : this.fail('keys must be plain words');
      // A key with nothing behind it has no node of its own: point at the key.
      const value = pair.value ?? null;
      // Quoted unless plain: the path ends up on a terminal.
      const path = `${this.#path}${this.#path && '.'}${/^[\w./-]{1,100}$/.test(key) ? key : JSON.stringify(key.slice(0, 100))}`;
      fields.set(key, new Value(value ?? pair.key, path, this.#source, pair.key));
    }
    return fields;
  }

  items(limit: number): Value[] {
    if (!isSeq(this.#node)) return this.fail('a list is expected');
    if (this.#node.items.length > limit) return this.fail(`more than ${limit} entries`);
    return this.#node.items.map((item, index) => new Value(item as Node, `${this.#path}[${index}]`, this.#source));
  }

  get isEmptyList(): boolean {
    return isSeq(this.#node) && this.#node.items.length === 0;
  }

  isText(text: string): boolean {
    return isScalar(this.#node) && this.#node.value === text;
  }

  text(): string {
    if (isScalar(this.#node) && typeof this.#node.value === 'string') return this.#node.value;
    return this.fail('a string is expected');
  }

  boolean(): boolean {
    if (isScalar(this.#node) && typeof this.#node.value === 'boolean') return this.#node.value;
    return this.fail('true or false is expected');
  }

  /** As the text has it, for a message; cut where it is long. */
  describe(): string {
    const text = isScalar(this.#node) ? JSON.stringify(String(this.#node.value)) : 'this';
    return text.length > 60 ? `${text.slice(0, 56)}…"` : text;
  }

  /** @throws ProfileError when it is not one of `words`. */
  oneOf<Word extends string>(words: readonly Word[]): Word {
    const text = this.text();
    const word = words.find((candidate) => candidate === text);
    return word ?? this.fail(`${this.describe()} is not one of ${words.join(', ')}`);
  }

  integer(least: bigint, greatest: bigint): bigint {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    if (typeof value !== 'bigint') return this.fail('a whole number is expected');
    if (value < least || value > greatest) return this.fail(`${value} is not between ${least} and ${greatest}`);
    return value;
  }
}

interface Source {
  readonly file: string;
  position(node: Node | null): { line: number; column: number } | undefined;
}

function checkNode(node: unknown, fail: (node: Node) => never): void {
  if (isAlias(node)) fail(node);
  else if (isMap(node)) for (const { value } of node.items) checkNode(value, fail);
  else if (isSeq(node)) for (const item of node.items) checkNode(item, fail);
}

/** The library takes seconds to give up on half a million brackets, so they are counted before; what is quoted is not. */
function assertShallow(text: string, file: string): void {
  let depth = 0;
  for (const [match] of text.matchAll(/"(?:[^"\\\n]|\\.)*"|[[\]{}]/g)) {
    if (match === '[' || match === '{') depth += 1;
    else if (match === ']' || match === '}') depth -= 1;
    if (depth > MAX_DEPTH) throw new ProfileError(`nested deeper than ${MAX_DEPTH} levels`, file);
  }
}

/**
 * The documents of a YAML or JSON text (JSON is YAML). Numbers are bigints. Anchors are refused: no profile needs them,
 * and ten lines of them can stand for gigabytes.
 * @throws ProfileError with line and column when it is not well-formed.
 */
export function parseDocuments(text: string, file: string): Value[] {
  if (text.length > MAX_SIZE) throw new ProfileError(`larger than ${MAX_SIZE} bytes`, file);
  assertShallow(text, file);
  const lines = new LineCounter();
  const position = (node: Node | null) => {
    const start = node?.range?.[0];
    if (start === undefined) return undefined;
    const { line, col } = lines.linePos(start);
    return { line, column: col };
  };
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    intAsBigInt: true,
    uniqueKeys: true,
    prettyErrors: false,
    version: '1.2',
  });
  if (!Array.isArray(documents) || documents.length === 0) throw new ProfileError('the file is empty', file);
  if (documents.length > MAX_DOCUMENTS) throw new ProfileError(`more than ${MAX_DOCUMENTS} documents`, file);
  return documents.map((document) => {
    // A warning is about a tag that is not known: its value would be taken for something else.
    const [error] = [...document.errors, ...document.warnings];
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      const reason = error.message.includes('call stack') ? 'nested too deeply' : error.message;
      throw new ProfileError(reason, file, { line, column: col });
    }
    checkNode(document.contents, (node) => {
      throw new ProfileError('aliases are not allowed', file, position(node));
    });
    return new Value(document.contents, '', { file, position });
  });
}
