import type { EnrichedEvent } from '../event.ts';

/** SPO's time stamp of a record: the audit id as it stands, `SECONDS.MS:SERIAL`. */
function auditId({ time, serial }: EnrichedEvent): string {
  const milliseconds = Date.parse(time);
  return `${Math.floor(milliseconds / 1000)}.${String(milliseconds % 1000).padStart(3, '0')}:${serial}`;
}

/** What SPO's log enricher says of an event: its keys, in its order. */
export function spoLogRecord(event: EnrichedEvent): Readonly<Record<string, string | number>> {
  const { container, process, seccomp, selinux, apparmor, node } = event;
  const begin = { timestamp: auditId(event), type: event.type };
  const where = {
    node,
    namespace: container?.namespace ?? '',
    pod: container?.pod ?? '',
    container: container?.name ?? '',
  };
  if (selinux)
    return {
      ...begin,
      profile: '',
      ...where,
      perm: selinux.permissions.join(' '),
      scontext: selinux.scontext,
      tcontext: selinux.tcontext,
      tclass: selinux.class,
    };
  const who = { executable: process?.exe ?? process?.comm ?? '', pid: process?.pid ?? 0 };
  if (seccomp) return { ...begin, ...where, ...who, syscallID: seccomp.number, syscallName: seccomp.syscall ?? '' };
  return {
    ...begin,
    ...where,
    ...who,
    apparmor: apparmor?.verdict ?? '',
    operation: apparmor?.operation ?? '',
    profile: apparmor?.profile ?? '',
    name: apparmor?.name ?? '',
    ...extraInfo(apparmor),
  };
}

function extraInfo(apparmor: EnrichedEvent['apparmor']): { extra_info?: string } {
  const parts = [
    ['requested_mask', apparmor?.requested],
    ['denied_mask', apparmor?.denied],
    ['capname', apparmor?.capability],
    ['family', apparmor?.family],
    ['sock_type', apparmor?.sockType],
    ['peer', apparmor?.peer],
  ].flatMap(([key, value]) => (value === undefined ? [] : [`${key}='${value}'`]));
  return parts.length > 0 ? { extra_info: parts.join(' ') } : {};
}

const two = (number: number) => String(number).padStart(2, '0');

/** klog's header (`Imonth-day time thread file:line]`), the message and the keys; strings quoted as Go quotes them. */
export function renderSpoLog(event: EnrichedEvent, pid: number, now: Date): string {
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, '0')}000`;
  const header = `I${two(now.getMonth() + 1)}${two(now.getDate())} ${time} ${String(pid).padStart(7)} syscribe:1]`;
  const fields = Object.entries(spoLogRecord(event)).map(
    ([key, value]) => `${key}=${typeof value === 'number' ? value : quote(value)}`,
  );
  return `${header} "audit" logger="log-enricher" ${fields.join(' ')}\n`;
}

/** strconv.Quote(): what a terminal or a line-based reader could take for something else is escaped. */
function quote(text: string): string {
  return `"${text.replace(/["\\\p{C}]|(?! )\p{Z}/gu, escaped)}"`;
}

const SHORT = new Map([...'"\\'].map((character) => [character, `\\${character}`]));
for (const [index, letter] of [...'abtnvfr'].entries()) SHORT.set(String.fromCharCode(7 + index), `\\${letter}`);

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const short = SHORT.get(character);
  if (short !== undefined) return short;
  if (code >= 0xd800 && code <= 0xdfff) return '\\ufffd'; // Half a pair, which Go has no character for.
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
