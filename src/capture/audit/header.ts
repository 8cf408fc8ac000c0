import type { Block } from './fields.ts';

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
const COLON = 0x3a;
const CLOSE = 0x29;

/** What a line is, as far as the parser cares. */
export type Kind = 'seccomp' | 'avc' | 'syscall' | 'path' | 'end' | 'login' | 'daemon' | 'other';

const KINDS = new Map<string, Kind>([
  ['SECCOMP', 'seccomp'],
  ['1326', 'seccomp'],
  ['AVC', 'avc'],
  ['1400', 'avc'],
  ['SYSCALL', 'syscall'],
  ['1300', 'syscall'],
  ['PATH', 'path'],
  ['1302', 'path'],
  ['LOGIN', 'login'],
  ['1006', 'login'],
  // The last record of an event: PROCTITLE in a file (auditd leaves EOE out), EOE from the kernel.
  ['PROCTITLE', 'end'],
  ['1327', 'end'],
  ['EOE', 'end'],
  ['1320', 'end'],
]);

/**
 * What may stand before a record in a syslog file, whole: time, host, the kernel's tag (busybox puts the facility before it) or
 * that of auditd's syslog plugin, and the kernel's uptime; or what dmesg(1) prints (-r, -x, -T). A line under another tag is
 * not the kernel's; who may write to /dev/kmsg, or to syslog under any tag, can imitate it all the same.
 */
const TIME = String.raw`(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d))`;
const TAG = String.raw`(?:(?:kern\.[a-z]+ )?kernel|(audispd|audisp-syslog))(?:\[\d+\])?: `;
const UPTIME = String.raw`\[(?: *\d+\.\d+|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] ?`;
const PREFIX = new RegExp(String.raw`(?:<\d{1,3}>|kern {2}:[a-z]+ *: )?(?:${TIME} [^\s:]+ ${TAG})?(?:${UPTIME})?`, 'y');

/** Where a record's parts are in its block. */
export interface Header {
  kind: Kind;
  /** Milliseconds since the epoch. */
  time: number;
  serial: number;
  /** Where the fields begin. */
  body: number;
}

/**
 * Reads the beginning of the line at `start`: `[node=… ]type=NAME msg=audit(SECONDS.MS:SERIAL): …` as auditd writes it, or
 * the kernel's own `audit: type=NUMBER audit(…): …`, with or without what syslog puts before either. The type is only
 * looked for at its place: what stands inside of a message is not a record.
 * @returns false when it is not an audit record.
 */
export function readHeader(block: Block, start: number, end: number, header: Header): boolean {
  const { bytes, text } = block;
  let at = start;
  let kernel = false;
  if (bytes[at] !== 0x74 /* t */) {
    if (text.startsWith('node=', at)) at = text.indexOf(' ', at) + 1;
    else {
      PREFIX.lastIndex = at;
      kernel = PREFIX.exec(text)?.[1] === undefined;
      at = PREFIX.lastIndex;
      if (kernel && !text.startsWith('audit: ', at)) return false;
      if (kernel) at += 7;
      else if (text.startsWith('node=', at)) at = text.indexOf(' ', at) + 1;
    }
    if (at <= 0 || at >= end) return false;
  }
  if (!text.startsWith('type=', at)) return false;
  const type = at + 5;
  const space = text.indexOf(' ', type);
  if (space === -1 || space - type > 40) return false;
  // The kernel writes numbers, auditd names.
  header.kind = kernel ? (KINDS.get(text.substring(type, space)) ?? 'other') : kindOf(block, type, space);
  at = space + 1;
  if (!text.startsWith(kernel ? 'audit(' : 'msg=audit(', at)) return false;
  return readStamp(bytes, at + (kernel ? 6 : 10), end, header);
}

/** Reads `SECONDS.MS:SERIAL):` and sets the header's time, serial and body. */
export function readStamp(bytes: Buffer, start: number, end: number, header: Header): boolean {
  const dot = skipDigits(bytes, start, end);
  if (dot === start || dot - start > 11 || bytes[dot] !== DOT) return false;
  const colon = skipDigits(bytes, dot + 1, end);
  if (colon !== dot + 4 || bytes[colon] !== COLON) return false;
  const close = skipDigits(bytes, colon + 1, end);
  if (close === colon + 1 || close - colon > 11 || close >= end || bytes[close] !== CLOSE) return false;
  header.time = digits(bytes, start, dot) * 1000 + digits(bytes, dot + 1, colon);
  header.serial = digits(bytes, colon + 1, close);
  header.body = bytes[close + 1] === COLON ? close + 2 : close + 1;
  return true;
}

function skipDigits(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
  return at;
}

function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return value;
}

function kindOf({ bytes, text }: Block, start: number, end: number): Kind {
  // The common kinds first, without making a string.
  const first = bytes[start];
  if (first === 0x53 /* S */ && end - start === 7) {
    if (text.startsWith('SECCOMP', start)) return 'seccomp';
    if (text.startsWith('SYSCALL', start)) return 'syscall';
  }
  if (first === 0x41 /* A */) {
    if (end - start === 3 && text.startsWith('AVC', start)) return 'avc';
    if (text.startsWith('APPARMOR', start)) return 'avc';
  }
  if (first === 0x55 /* U: older auditd for what its tables lack */ && text.startsWith('UNKNOWN[', start))
    return KINDS.get(text.substring(start + 8, end - 1)) ?? 'other';
  // auditd's own (DAEMON_START, DAEMON_ROTATE …) have numbers of auditd's own.
  if (first === 0x44 /* D */ && text.startsWith('DAEMON_', start)) return 'daemon';
  const name = text.substring(start, end);
  return first !== undefined && first >= ZERO && first <= NINE ? 'other' : (KINDS.get(name) ?? 'other');
}

/** The kind of a record that comes with its type's number (linux/audit.h), as from netlink. */
export function kindOfNumber(type: number): Kind {
  // AppArmor's own numbers, from before it used AUDIT_AVC: AUDIT_FIRST_KERN_ANOM_MSG is beyond them.
  if (type >= 1501 && type <= 1507) return 'avc';
  return KINDS.get(String(type)) ?? 'other';
}
