import { type Denial, DenialSource } from '../capture/denials.ts';
import type { Abi, Machine } from '../kernel/abi.ts';
import { SyscribeError } from '../platform/errors.ts';
import { Command } from './command.ts';
import { compileFilter } from './filter.ts';

const PROOF_TIMEOUT = 1000; // milliseconds
const X32_BIT = 0x40000000;
const AUDIT_ARCHS = new Map<number, Abi>([
  [0xc000003e, 'x86_64'],
  [0x40000003, 'i386'],
  [0xc00000b7, 'aarch64'],
  [0x40000028, 'arm'],
]);

/** The table and number of a logged call; undefined for an architecture that is not supported. */
export function loggedCall(denial: Denial): { abi: Abi; nr: number } | undefined {
  const abi = AUDIT_ARCHS.get(denial.arch);
  if (abi === undefined) return undefined;
  const isX32 = abi === 'x86_64' && (denial.nr & X32_BIT) !== 0;
  return isX32 ? { abi: 'x32', nr: denial.nr & ~X32_BIT } : { abi, nr: denial.nr };
}

/**
 * What seccomp logs, from a source that has proved itself: binding to the audit group succeeds and stays silent outside
 * the initial network namespace, so a call of a child of our own must arrive first.
 */
export class DenialWatch implements Disposable {
  readonly #source: DenialSource;
  readonly #machine: Machine;
  #awaited: { pid: number; arrived: () => void } | undefined;

  private constructor(machine: Machine, onDenial: (denial: Denial) => void) {
    this.#machine = machine;
    this.#source = new DenialSource((denial) => {
      if (denial.pid === this.#awaited?.pid) this.#awaited.arrived();
      else onDenial(denial);
    });
  }

  /** @throws SyscribeError ERR_BPF_PERMISSION when the log cannot be read, or nothing comes from it. */
  static async open(machine: Machine, onDenial: (denial: Denial) => void): Promise<DenialWatch> {
    const watch = new DenialWatch(machine, onDenial);
    if (await watch.settle()) return watch;
    watch[Symbol.dispose]();
    throw new SyscribeError('ERR_BPF_PERMISSION', "the kernel's audit log stays silent here", {
      remedy: 'Run in the initial network namespace, with "log" in /proc/sys/kernel/seccomp/actions_logged.',
    });
  }

  /** How often messages were lost since they came faster than they were read. */
  get lost(): number {
    return this.#source.lost;
  }

  /**
   * Waits until all that was logged before this call has been delivered: the log is a queue, so a logged call of our
   * own is its mark.
   * @returns false when the mark did not come within a second.
   */
  async settle(): Promise<boolean> {
    const mark = { defaultAction: 'SCMP_ACT_ALLOW', architectures: [], flags: [] } as const;
    const rule = { names: ['execve'], action: 'SCMP_ACT_LOG' } as const;
    const command = new Command({
      argv: ['/bin/true'],
      env: {},
      privileged: true,
      filter: compileFilter({ ...mark, syscalls: [rule] }, this.#machine),
    });
    const arrived = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => arrived.resolve(false), PROOF_TIMEOUT);
    this.#awaited = { pid: command.pid, arrived: () => arrived.resolve(true) };
    command.go();
    await command.exited;
    const result = await arrived.promise;
    clearTimeout(timer);
    this.#awaited = undefined;
    command.release();
    return result;
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}
