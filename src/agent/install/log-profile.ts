import { basename } from 'node:path';
import { LOG_PROFILE } from '../../api/names.ts';
import { machine, machineAbis, SECCOMP_ARCH } from '../../kernel/abi.ts';
import { explainFailure, ProfileDirectory } from './seccomp-directory.ts';

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
  readonly #directory: ProfileDirectory;
  #failure: string | undefined;

  /** @param kubeletDirectory kubelet's `--root-dir`. */
  constructor(kubeletDirectory: string) {
    this.#directory = new ProfileDirectory(kubeletDirectory);
  }

  /** What is wrong with it, and what to do. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Writes it where it is not there, or is another; what goes wrong is kept as {@link failure}. */
  ensure(): void {
    try {
      this.#directory.write(basename(LOG_PROFILE), text());
      this.#failure = undefined;
    } catch (error) {
      this.#failure = explainFailure(error);
    }
  }
}
