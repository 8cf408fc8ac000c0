import { lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LOG_PROFILE } from '../api/names.ts';
import { machineAbis, SECCOMP_ARCH } from '../kernel/abi.ts';
import { SyscribeError } from '../platform/errors.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { machine } from '../recording/session.ts';

/**
 * SPO's profile: log everything and refuse nothing. Its architectures are listed, as SPO's are not: libseccomp kills what
 * calls by an interface that a filter does not name, a 32-bit program for example.
 */
function text(): string {
  const { native, compat, x32 } = machineAbis(machine());
  const architectures = [native, compat, ...(x32 ? [x32] : [])].map((abi) => SECCOMP_ARCH[abi]);
  return JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', architectures });
}

/** The profile under which the webhook puts containers that are recorded from the log: without it they cannot start. */
export class LogProfile {
  readonly #directory: string;
  readonly #path: string;
  #failure: string | undefined;

  /** @param kubeletDirectory kubelet's `--root-dir`. */
  constructor(kubeletDirectory: string) {
    const seccomp = join(kubeletDirectory, 'seccomp');
    this.#path = join(seccomp, LOG_PROFILE);
    this.#directory = join(this.#path, '..');
  }

  /** What is wrong with it, and what to do. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Writes it where it is not there, or is another; what goes wrong is kept as {@link failure}. */
  ensure(): void {
    try {
      this.#makeDirectory();
      if (this.#present() !== text()) writeFileAtomic(this.#path, text());
      this.#failure = undefined;
    } catch (error) {
      const { message, cause, remedy } = error as SyscribeError;
      const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
      this.#failure = `${why}. ${remedy ?? 'Mount kubelet’s directory for writing (--kubelet-dir).'}`;
    }
  }

  /** SPO makes it a link to a directory of its own, which is followed. */
  #makeDirectory(): void {
    if (statSync(this.#directory, { throwIfNoEntry: false })) return;
    if (lstatSync(this.#directory, { throwIfNoEntry: false }))
      throw new SyscribeError('ERR_FILE_WRITE', `${this.#directory} is a link to what is not there`, {
        remedy: 'Mount what it points to at the same path, or remove the link.',
      });
    // Not kubelet's own: where that is not there, it is another. Nor recursively: Node never comes back from that in /proc.
    const seccomp = join(this.#directory, '..');
    if (!statSync(seccomp, { throwIfNoEntry: false })) mkdirSync(seccomp, { mode: 0o755 });
    mkdirSync(this.#directory, { mode: 0o755 });
  }

  #present(): string | undefined {
    try {
      return readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
