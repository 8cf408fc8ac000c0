const SPACE = 0x20;
const QUOTE = 0x22;
const EQUALS = 0x3d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** auditd puts it between a record and its own interpretations of it (log_format = ENRICHED). */
const ENRICHED = 0x1d;

const MAX_INTERNED = 8192;
const MAX_INTERNED_LENGTH = 256;

/** Bytes and the same bytes as latin1 text: scanned as bytes, cut as text. */
export interface Block {
  readonly bytes: Buffer;
  readonly text: string;
}

export function blockOf(bytes: Buffer): Block {
  return { bytes, text: bytes.toString('latin1') };
}

/**
 * Walks the `name=value` fields of one record. The kernel writes what a process chose (its name, a path) between quotes
 * if it holds neither quotes nor blanks nor control characters, and in hexadecimal otherwise
 * (audit_log_untrustedstring()): so a quoted value ends at the next quote, any other at the next blank, and a value is
 * never looked into. What auditd adds behind 0x1d is not the kernel's and not read.
 */
export class Fields {
  keyStart = 0;
  keyLength = 0;
  /** Without the quotes. */
  valueStart = 0;
  valueEnd = 0;
  quoted = false;
  /** A quote was not closed: the record was cut off. */
  broken = false;
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';
  #at = 0;
  #end = 0;
  readonly #interned = new Map<string, string>();

  open(block: Block, start: number, end: number): void {
    this.#bytes = block.bytes;
    this.#text = block.text;
    this.#at = start;
    this.#end = end;
    this.broken = false;
  }

  /** Goes to the next field; words without `=` are passed over. */
  next(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    for (;;) {
      while (at < end && bytes[at] === SPACE) at += 1;
      const start = at;
      let byte = 0;
      while (at < end) {
        byte = bytes[at] as number;
        if (byte === EQUALS || byte === SPACE || byte === ENRICHED) break;
        at += 1;
      }
      if (at >= end || byte === ENRICHED) {
        this.#at = end;
        return false;
      }
      if (byte === EQUALS) {
        this.keyStart = start;
        this.keyLength = at - start;
        this.#value(at + 1);
        return true;
      }
    }
  }

  #value(from: number): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = from;
    this.quoted = bytes[at] === QUOTE && at < end;
    if (this.quoted) {
      at += 1;
      this.valueStart = at;
      while (at < end && bytes[at] !== QUOTE) at += 1;
      this.valueEnd = at;
      this.broken ||= at >= end;
      this.#at = at + 1;
      return;
    }
    this.valueStart = at;
    while (at < end && bytes[at] !== SPACE && bytes[at] !== ENRICHED) at += 1;
    this.valueEnd = at;
    this.#at = at;
  }

  /** Goes on at the last `mark` of the kernel's part of the record, if that is behind the field. */
  skipToLast(mark: string): void {
    // Cut out first: a search backwards in the block would go on before the record.
    const rest = this.#text.substring(this.keyStart, this.#end);
    const enriched = rest.lastIndexOf('\u001d');
    const last = rest.lastIndexOf(mark, enriched === -1 ? rest.length : enriched);
    if (last !== -1) this.#at = this.keyStart + last;
  }

  /** Whether the field has this name. */
  is(name: string): boolean {
    return name.length === this.keyLength && this.#text.startsWith(name, this.keyStart);
  }

  /** The value as a whole number, -1 when it is none (or has more digits than any field of the kernel's). */
  number(): number {
    const length = this.valueEnd - this.valueStart;
    if (length < 1 || length > 15) return -1;
    let value = 0;
    for (let at = this.valueStart; at < this.valueEnd; at++) {
      const digit = (this.#bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  /** A negative number too; undefined for anything else. */
  signed(): number | undefined {
    const negative = this.#bytes[this.valueStart] === 0x2d;
    if (negative) this.valueStart += 1;
    const value = this.number();
    if (value < 0) return undefined;
    return negative ? -value : value;
  }

  /** The value as a hexadecimal number of at most 32 bits, with or without `0x`; -1 when it is none. */
  hexadecimal(): number {
    let at = this.valueStart;
    if (this.#bytes[at] === 0x30 && this.#bytes[at + 1] === 0x78) at += 2;
    if (this.valueEnd === at || this.valueEnd - at > 8) return -1;
    let value = 0;
    for (; at < this.valueEnd; at++) {
      const digit = hexDigit(this.#bytes[at] as number);
      if (digit < 0) return -1;
      value = value * 16 + digit;
    }
    return value;
  }

  /** The value as it stands. A copy: a part of `Block.text` would keep all of it in memory. */
  raw(): string {
    return this.#copy(this.valueStart, this.valueEnd);
  }

  /** A value that a process may have chosen: as quoted, or decoded from hexadecimal; `(null)` is none. */
  untrusted(): string | undefined {
    if (this.quoted) return this.raw();
    const text = this.raw();
    if (text === '(null)' || text === '') return undefined;
    return /^(?:[0-9A-F]{2})+$/.test(text) ? Buffer.from(text, 'hex').toString('utf8') : text;
  }

  /** The words between the `{` at `start` and the next `}`; undefined without them. */
  braced(start: number): { words: string[]; after: number } | undefined {
    const bytes = this.#bytes;
    const end = this.#end;
    if (bytes[start] !== OPEN) return undefined;
    let at = start + 1;
    const words: string[] = [];
    while (at < end && bytes[at] !== CLOSE) {
      while (bytes[at] === SPACE) at += 1;
      const word = at;
      while (at < end && bytes[at] !== SPACE && bytes[at] !== CLOSE) at += 1;
      if (at > word) words.push(this.#copy(word, at));
    }
    return at < end ? { words, after: at + 1 } : undefined;
  }

  #copy(start: number, end: number): string {
    const part = this.#text.substring(start, end);
    const known = this.#interned.get(part);
    if (known !== undefined) return known;
    const copy = this.#bytes.toString('latin1', start, end);
    if (copy.length > MAX_INTERNED_LENGTH) return copy;
    if (this.#interned.size >= MAX_INTERNED) this.#interned.clear();
    this.#interned.set(copy, copy);
    return copy;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  return -1;
}
