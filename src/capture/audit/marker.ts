import { LRUCache } from 'lru-cache';
import { machine } from '../../kernel/abi.ts';
import { UNSET_ID } from '../../kernel/audit.ts';
import { BPF, FILTER_FLAG_LOG, instruction, SECCOMP_RET_ALLOW, SECCOMP_RET_LOG } from '../../kernel/sock-filter.ts';
import { syscallNumber } from '../../kernel/syscalls.ts';
import { waitFor } from '../../platform/wait.ts';
import { native } from '../native.ts';
import type { AuditEvent } from './event.ts';
import type { AuditSource } from './source.ts';

/** Logs one call and allows everything. */
function logOnly(nr: number): Buffer {
  return Buffer.concat([
    instruction(BPF.load, 0), // load the number (offset 0 of struct seccomp_data)
    instruction(BPF.jumpEqual, nr, 0, 1),
    instruction(BPF.return, SECCOMP_RET_LOG),
    instruction(BPF.return, SECCOMP_RET_ALLOW),
  ]);
}

/** A child that makes one logged call when it is let go. */
export interface Mark {
  /** Makes the call and resolves when the child is gone: the call is in the kernel's queue then. */
  make(): Promise<void>;
  /** Whether the event is that call's. */
  is(event: AuditEvent): boolean;
}

/**
 * Prepares a call that seccomp logs, by which a source proves itself: the audit log is a queue, so when the mark has come,
 * all that was logged before it has. The child tries to execute `/`, which the kernel refuses after seccomp has logged the
 * call, so nothing else is run.
 * @throws the addon's failure when no child can be started.
 */
export function prepareMark(): Mark {
  const nr = syscallNumber(machine(), 'execve') ?? 0;
  const gone = Promise.withResolvers<void>();
  const { child, pid } = native().start(
    {
      files: ['/'],
      argv: ['syscribe-mark'],
      env: [],
      changeUser: false,
      uid: 0,
      gid: 0,
      groups: [],
      filter: logOnly(nr),
      filterFlags: FILTER_FLAG_LOG,
      noNewPrivileges: true,
      loginUid: UNSET_ID,
    },
    () => {
      // That the exec fails is what it is for.
    },
    () => gone.resolve(),
  );
  return {
    is: (event) => event.process?.pid === pid && isMark(event),
    make: async () => {
      marks.set(pid, { at: Math.floor(native().auditTime()) });
      native().go(child);
      await gone.promise;
      native().release(child);
    },
  };
}

const PATIENCE = 1000; // milliseconds
const MAX_ROUNDS = 30;

/** Marks that are waited for; the reader of the log reports what came. */
export class AwaitedMarks {
  readonly #awaited = new Map<Mark, () => void>();

  /** Whether the event is one of them, which is awaited no more. */
  came(event: AuditEvent): boolean {
    for (const [mark, came] of this.#awaited)
      if (mark.is(event)) {
        came();
        return this.#awaited.delete(mark);
      }
    return false;
  }

  /**
   * Makes a mark and waits for it: all that was logged before this call has come then. After a burst of a million records it takes its
   * time: as long as lines come, it may be among the next.
   * @param lines how many were read up to now.
   * @returns false when the mark did not come within a second after the last line that did, or half a minute in all.
   */
  async settle(lines: () => number): Promise<boolean> {
    const mark = prepareMark();
    const arrived = Promise.withResolvers<void>();
    this.#awaited.set(mark, arrived.resolve);
    try {
      await mark.make();
      let before = -1;
      let came = false;
      for (let round = 0; round < MAX_ROUNDS && !came && before !== lines(); round++) {
        before = lines();
        came = await waitFor(arrived.promise, PATIENCE);
      }
      return came;
    } finally {
      this.#awaited.delete(mark);
    }
  }
}

/** Reads `source`, which has to begin at its end, until a logged call of our own comes; false if that takes a second. */
export async function prove(source: AuditSource, signal: AbortSignal): Promise<boolean> {
  const enough = new AbortController();
  const batches = source.read(AbortSignal.any([signal, enough.signal]));
  let next = batches.next(); // Begins at the end of now.
  const mark = prepareMark();
  await mark.make();
  const until = Date.now() + PATIENCE;
  let came = false;
  while (!came && (await waitFor(next, until - Date.now(), signal))) {
    const { value, done } = await next;
    if (done) break;
    came = value.events.some((event) => mark.is(event));
    next = batches.next();
  }
  enough.abort();
  for (let rest = await next; !rest.done; rest = await batches.next());
  return came;
}

interface Made {
  /** When the child was let go, milliseconds since the epoch by the audit log's clock. */
  readonly at: number;
  /** The event's number, once it has come: whoever gets the child's pid afterwards makes no marks. */
  serial?: number;
}

const marks = new LRUCache<number, Made>({ max: 1000 });

/** Whether the event is a mark of this process's own, and nothing that anybody would want to see. */
export function isMark({ seccomp, process, time, serial }: AuditEvent): boolean {
  if (marks.size === 0 || seccomp?.action !== 'log' || seccomp.syscall !== 'execve' || !process) return false;
  const made = marks.get(process.pid);
  if (!made || time < made.at || time > made.at + 2 * PATIENCE) return false;
  made.serial ??= serial;
  return made.serial === serial;
}
