import { auditArchName, auditedAction, auditedCall, UNSET_ID } from '../../kernel/audit.ts';
import { syscallName } from '../../kernel/syscalls.ts';
import type { ApparmorPart, ProcessPart, SeccompPart, SelinuxPart } from './event.ts';
import { type Block, Fields } from './fields.ts';

const SPACE = 0x20;

export interface SeccompRecord {
  readonly process: ProcessPart;
  readonly session: number;
  readonly seccomp: SeccompPart;
}

export interface AvcRecord {
  readonly process?: ProcessPart;
  readonly selinux?: SelinuxPart;
  readonly apparmor?: ApparmorPart;
  /** SELinux: the inode of an object that is told by its last name only. */
  readonly inode?: number;
}

/** What a SYSCALL record tells about an event whose AVC does not. */
export type Companion = Omit<ProcessPart, 'pid'>;

const fields = new Fields();

/** Puts the parts of a process in the order in which they are shown; what is unset is left out. */
function processOf(pid: number, uid: number, gid: number, auid: number, comm?: string, exe?: string): ProcessPart {
  const process: ProcessPart = { pid };
  if (uid >= 0 && uid !== UNSET_ID) process.uid = uid;
  if (gid >= 0 && gid !== UNSET_ID) process.gid = gid;
  if (auid >= 0 && auid !== UNSET_ID) process.auid = auid;
  if (comm !== undefined) process.comm = comm;
  if (exe !== undefined) process.exe = exe;
  return process;
}

/**
 * A SECCOMP record (audit_seccomp() in kernel/auditsc.c). Its only value that is neither a number nor quoted is the
 * security context `subj`, and the name of an AppArmor profile may hold anything, quotes and whole fields too. The kernel
 * writes `pid`, `comm` and `exe` behind it, whose values hold no blank: so the last ` pid=` of the record is the kernel's.
 * @returns undefined when a field that it must have is missing or wrong.
 */
export function readSeccomp(block: Block, start: number, end: number): SeccompRecord | undefined {
  let auid = -1;
  let uid = -1;
  let gid = -1;
  let session = -1;
  let pid = -1;
  let arch = -1;
  let syscall: number | undefined;
  let code = -1;
  let comm: string | undefined;
  let exe: string | undefined;
  fields.open(block, start, end);
  while (fields.next()) {
    switch (fields.keyLength) {
      case 3:
        if (fields.is('pid')) pid = fields.number();
        else if (fields.is('uid') && uid < 0) uid = fields.number();
        else if (fields.is('gid') && gid < 0) gid = fields.number();
        else if (fields.is('ses') && session < 0) session = fields.number();
        else if (fields.is('exe')) exe = fields.untrusted();
        break;
      case 4:
        if (fields.is('auid') && auid < 0) auid = fields.number();
        else if (fields.is('comm')) comm = fields.untrusted();
        else if (fields.is('arch')) arch = fields.hexadecimal();
        else if (fields.is('code')) code = fields.hexadecimal();
        else if (fields.is('subj')) fields.skipToLast(' pid=');
        break;
      case 7:
        if (fields.is('syscall')) syscall = fields.signed();
        break;
    }
  }
  if (fields.broken || pid < 0 || arch < 0 || syscall === undefined || code < 0) return undefined;
  return {
    process: processOf(pid, uid, gid, auid, comm, exe),
    session: session < 0 ? UNSET_ID : session,
    seccomp: seccompPart(arch, syscall, code),
  };
}

function seccompPart(arch: number, nr: number, code: number): SeccompPart {
  const call = auditedCall(arch, nr);
  const action = auditedAction(code);
  if (call === undefined) return { number: nr, arch: auditArchName(arch), action };
  const syscall = syscallName(call.abi, call.nr);
  if (syscall === undefined) return { number: call.nr, arch: call.abi, action };
  return { syscall, number: call.nr, arch: call.abi, action };
}

/** An AVC record: SELinux's begins with `avc:  denied  { … } for`, AppArmor's has an `apparmor=` field. */
export function readAvc(block: Block, start: number, end: number): AvcRecord | undefined {
  let at = start;
  while (block.bytes[at] === SPACE && at < end) at += 1;
  return block.text.startsWith('avc: ', at) ? readSelinux(block, at + 5, end) : readApparmor(block, at, end);
}

function readSelinux(block: Block, start: number, end: number): AvcRecord | undefined {
  const { text, bytes } = block;
  let at = start;
  const skip = () => {
    while (bytes[at] === SPACE && at < end) at += 1;
  };
  skip();
  const denied = text.startsWith('denied ', at);
  if (!denied && !text.startsWith('granted ', at)) return undefined;
  at += denied ? 7 : 8;
  skip();
  fields.open(block, at, end);
  const permissions = fields.braced(at);
  if (!permissions) return undefined;
  let pid = -1;
  let comm: string | undefined;
  let path: string | undefined;
  let inode = -1;
  let scontext: string | undefined;
  let tcontext: string | undefined;
  let objectClass: string | undefined;
  let permissive: boolean | undefined;
  fields.open(block, permissions.after, end);
  while (fields.next()) {
    if (fields.is('pid')) pid = fields.number();
    else if (fields.is('comm')) comm = fields.untrusted();
    else if (fields.is('path')) path = fields.untrusted();
    else if (fields.is('ino')) inode = fields.number();
    else if (fields.is('scontext')) scontext = fields.raw();
    else if (fields.is('tcontext')) tcontext = fields.raw();
    else if (fields.is('tclass')) objectClass = fields.raw();
    else if (fields.is('permissive')) permissive = fields.number() === 1;
  }
  if (fields.broken || scontext === undefined || tcontext === undefined || objectClass === undefined) return undefined;
  const selinux: SelinuxPart = {
    verdict: denied ? 'denied' : 'granted',
    permissions: permissions.words,
    class: objectClass,
    scontext,
    tcontext,
    ...(permissive !== undefined && { permissive }),
    ...(path !== undefined && { path }),
  };
  return {
    ...(pid >= 0 && { process: processOf(pid, -1, -1, -1, comm) }),
    selinux,
    ...(inode >= 0 && { inode }),
  };
}

function readApparmor(block: Block, start: number, end: number): AvcRecord | undefined {
  const part: { -readonly [K in keyof ApparmorPart]?: string | undefined } = {};
  let pid = -1;
  let comm: string | undefined;
  fields.open(block, start, end);
  while (fields.next()) {
    // Its quoted and hexadecimal values hide nothing, so the first of a name counts; there is no second.
    if (fields.is('pid')) pid = fields.number();
    else if (fields.is('comm')) comm = fields.untrusted();
    else {
      const name = APPARMOR_FIELDS.find((field) => fields.is(field.key))?.name;
      if (name !== undefined) part[name] ??= fields.untrusted();
    }
  }
  if (fields.broken || part.verdict === undefined) return undefined;
  const apparmor = Object.fromEntries(
    APPARMOR_ORDER.flatMap((name) => (part[name] === undefined ? [] : [[name, part[name]]])),
  ) as unknown as ApparmorPart;
  return { ...(pid >= 0 && { process: processOf(pid, -1, -1, -1, comm) }), apparmor };
}

/** security/apparmor: audit.c, file.c, net.c, capability.c, ipc.c; `requested` is what newer kernels write for sockets. */
const APPARMOR_FIELDS: readonly { readonly key: string; readonly name: keyof ApparmorPart }[] = [
  { key: 'apparmor', name: 'verdict' },
  { key: 'operation', name: 'operation' },
  { key: 'profile', name: 'profile' },
  { key: 'name', name: 'name' },
  { key: 'requested_mask', name: 'requested' },
  { key: 'denied_mask', name: 'denied' },
  { key: 'requested', name: 'requested' },
  { key: 'denied', name: 'denied' },
  { key: 'capname', name: 'capability' },
  { key: 'family', name: 'family' },
  { key: 'sock_type', name: 'sockType' },
  { key: 'peer', name: 'peer' },
];
const APPARMOR_ORDER: readonly (keyof ApparmorPart)[] = [
  'verdict',
  'operation',
  'profile',
  'name',
  'requested',
  'denied',
  'capability',
  'family',
  'sockType',
  'peer',
];

/** Who made the call that an AVC of the same serial was about. */
export function readSyscall(block: Block, start: number, end: number): Companion | undefined {
  let uid = -1;
  let gid = -1;
  let auid = -1;
  let comm: string | undefined;
  let exe: string | undefined;
  fields.open(block, start, end);
  // All of these stand before `subj`, whose value may hold blanks: the first of a name counts.
  while (fields.next()) {
    if (fields.is('uid') && uid < 0) uid = fields.number();
    else if (fields.is('gid') && gid < 0) gid = fields.number();
    else if (fields.is('auid') && auid < 0) auid = fields.number();
    else if (fields.is('comm')) comm ??= fields.untrusted();
    else if (fields.is('exe')) exe ??= fields.untrusted();
    else if (fields.is('subj')) break;
  }
  if (fields.broken) return undefined;
  const { pid: _, ...companion } = processOf(0, uid, gid, auid, comm, exe);
  return companion;
}

/** A PATH record's name, if it is whole, and the inode that it led to. */
export function readPath(block: Block, start: number, end: number): { name: string; inode: number } | undefined {
  let name: string | undefined;
  let inode = -1;
  fields.open(block, start, end);
  while (fields.next()) {
    if (fields.is('name')) name ??= fields.untrusted();
    else if (fields.is('inode') && inode < 0) inode = fields.number();
  }
  return !fields.broken && name?.startsWith('/') && inode >= 0 ? { name, inode } : undefined;
}

/**
 * A LOGIN record (audit_log_set_loginuid()): a process, and with it all that it starts from then on, has another session.
 * @returns undefined when it failed.
 */
export function readLogin(block: Block, start: number, end: number): { from: number; to: number } | undefined {
  let from = -1;
  let to = -1;
  let result = 0;
  fields.open(block, start, end);
  // `subj` may hold blanks: the first counts before it, the last behind it.
  while (fields.next()) {
    if (fields.is('old-ses')) from = fields.number();
    else if (fields.is('ses')) to = fields.number();
    else if (fields.is('res')) result = fields.number();
  }
  return from >= 0 && to >= 0 && result === 1 ? { from, to } : undefined;
}
