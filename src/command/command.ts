import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import { type NativeChild, native, STAGES } from '../capture/native.ts';
import { UNSET_ID } from '../kernel/audit.ts';
import { SyscribeError } from '../platform/errors.ts';
import { invokingUser } from './user.ts';

/** How a command ended: its exit code, or the signal that killed it. */
export interface Exit {
  readonly code: number;
  readonly signal: number;
}

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Run as this process's user, not as the one behind sudo. */
  readonly privileged: boolean;
  readonly filter?: { readonly program: Buffer; readonly flags: number };
  /** Begin an audit session of its own, by whose number the log's records of it and its descendants are told. */
  readonly auditSession?: boolean;
}

/** A command that waits before its exec until {@link go}. */
export class Command {
  readonly pid: number;
  readonly pidfd: number;
  /** Resolves when the exec succeeded; rejects with what went wrong. */
  readonly executed: Promise<void>;
  readonly exited: Promise<Exit>;
  readonly #child: NativeChild;
  #gone = false;
  #released = false;

  constructor(options: CommandOptions) {
    const user = options.privileged ? undefined : invokingUser(options.env);
    const env = { ...options.env, ...user?.env };
    const [name = ''] = options.argv;
    const executed = Promise.withResolvers<void>();
    const exited = Promise.withResolvers<Exit>();
    const started = native().start(
      {
        files: candidates(name, env.PATH),
        argv: options.argv,
        env: Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])),
        changeUser: user !== undefined,
        uid: user?.uid ?? process.getuid?.() ?? 0,
        gid: user?.gid ?? process.getgid?.() ?? 0,
        groups: user?.groups ?? [],
        filter: options.filter?.program ?? null,
        filterFlags: options.filter?.flags ?? 0,
        // seccomp(2) wants CAP_SYS_ADMIN or no_new_privs, and the latter would break setuid programs.
        noNewPrivileges: options.filter !== undefined && process.getuid?.() !== 0,
        loginUid: options.auditSession ? loginUid(user?.uid) : UNSET_ID,
      },
      (stage, errno) => {
        if (stage === 0) executed.resolve();
        else executed.reject(startFailure(name, STAGES[stage] ?? 'exec', errno));
      },
      (code, signal) => {
        this.#gone = true;
        exited.resolve({ code, signal });
      },
    );
    this.#child = started.child;
    this.pid = started.pid;
    this.pidfd = started.pidfd;
    this.executed = executed.promise;
    this.exited = exited.promise;
    this.executed.catch(() => {
      // Whoever awaits it is told; nobody may be, when the session is closed first.
    });
  }

  get gone(): boolean {
    return this.#gone;
  }

  go(): void {
    native().go(this.#child);
  }

  kill(signal: number): void {
    if (!this.#gone && !this.#released) native().kill(this.#child, signal);
  }

  /** Whether the command is still in this process's group, and so gets what a terminal sends. */
  sharesGroup(): boolean {
    return native().processGroup(this.pid) === native().processGroup(process.pid);
  }

  /** Lets it go: one still waiting ends, a running one goes on, and how it ends is not told. */
  release(): void {
    this.#released = true;
    native().release(this.#child);
  }
}

/** Who the session is said to belong to: whoever logged in stays, else the user that the command runs as. */
function loginUid(uid = process.getuid?.() ?? 0): number {
  const current = Number(readFileSync('/proc/self/loginuid', 'utf8'));
  return current === UNSET_ID ? uid : current;
}

/** What execvp(3) would try: the name itself if it has a slash, else below each directory of PATH. */
function candidates(name: string, path = '/usr/local/bin:/usr/bin:/bin'): string[] {
  if (name.includes('/')) return [name];
  if (name === '') return [];
  return path
    .split(':')
    .map((directory) => join(directory || '.', name))
    .map((file) => (file.includes('/') ? file : `./${file}`));
}

function startFailure(name: string, stage: (typeof STAGES)[number], errno: number): SyscribeError {
  const message = getSystemErrorMessage(-errno);
  if (errno === constants.errno.ENOENT)
    return new SyscribeError('ERR_COMMAND_NOT_FOUND', `${name}: command not found`, {
      remedy: 'Check the name and PATH; sudo may have changed it.',
    });
  if (stage === 'find' || stage === 'exec')
    return new SyscribeError('ERR_COMMAND_NOT_EXECUTABLE', `${name}: cannot be executed: ${message}`, {
      remedy: 'Check that it is an executable file, and that the user it runs as may execute it.',
    });
  if (stage === 'session')
    return new SyscribeError('ERR_COMMAND_START', `${name}: cannot begin an audit session: ${message}`, {
      remedy: "Run with CAP_AUDIT_CONTROL, and without audit's loginuid-immutable; or record with --source ebpf.",
    });
  const what = stage === 'filter' ? 'the kernel refused the seccomp filter' : 'cannot change to the user behind sudo';
  return new SyscribeError('ERR_COMMAND_START', `${name}: ${what}: ${message}`, {
    remedy:
      stage === 'filter' ? 'Check the profile with syscribe explain.' : 'Use --privileged to run the command as root.',
  });
}
