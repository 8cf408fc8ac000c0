import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { SyscribeError } from '../platform/errors.ts';

/** Whom a command is to run as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** What login(1) would set: HOME, USER, LOGNAME, SHELL. */
  readonly env: Readonly<Record<string, string>>;
}

const ID = /^\d{1,10}$/;

/**
 * The user behind sudo(8), from SUDO_UID, SUDO_GID and SUDO_USER; undefined when there is none, when it is root, or when
 * this process is not root and so could not change user anyway.
 * @throws SyscribeError ERR_USAGE when those variables make no sense.
 */
export function invokingUser(env: NodeJS.ProcessEnv): User | undefined {
  const { SUDO_UID: uid, SUDO_GID: gid, SUDO_USER: name } = env;
  if (process.getuid?.() !== 0 || uid === undefined || uid === '0') return undefined;
  if (gid === undefined || !ID.test(uid) || !ID.test(gid))
    throw new SyscribeError('ERR_USAGE', `SUDO_UID=${uid} and SUDO_GID=${gid ?? ''} are not a user and a group`, {
      remedy: 'Unset them, or use --privileged to run the command as root.',
    });
  const entry = passwdEntry(Number(uid));
  const user = entry?.name ?? name;
  return {
    uid: Number(uid),
    gid: Number(gid),
    groups: user === undefined ? [Number(gid)] : groupsOf(user, Number(gid)),
    env: {
      ...(user !== undefined && { USER: user, LOGNAME: user }),
      ...(entry && { HOME: entry.home, SHELL: entry.shell || '/bin/sh' }),
    },
  };
}

function passwdEntry(uid: number): { name: string; home: string; shell: string } | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , id, , , home, shell] = line.split(':');
    if (id === String(uid) && name && home !== undefined) return { name, home, shell: shell ?? '' };
  }
  return undefined;
}

/** By id(1), which asks all of nsswitch's sources; the primary group alone where it does not know the user. */
function groupsOf(user: string, gid: number): number[] {
  try {
    const output = execFileSync('id', ['-G', '--', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return output.trim().split(/\s+/).map(Number);
  } catch {
    return [gid];
  }
}
