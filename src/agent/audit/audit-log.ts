import type { Continuation } from '../../capture/audit/log-file.ts';
import { MarkedSource } from '../../capture/audit/marked-source.ts';
import { openSource, type SourceChoice } from '../../capture/audit/open.ts';
import { auditStatus } from '../../capture/audit/socket.ts';
import { ContainerDirectory } from '../../container/directory.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { AuditStream, type StreamBatch, type StreamCounts } from '../../stream/pipeline.ts';
import { Processes } from '../../stream/process-identity.ts';

/** So many marks of our own are sent until the first comes: what reads the log has to choose among sources first. */
const TRIES = 5;

/** How much was lost up to now. */
export interface Account {
  /** The kernel's own; undefined where it may not be asked. */
  readonly status: ReturnType<typeof auditStatus>;
  /** Records that are known to be lost behind the kernel. */
  readonly lost: number;
  /** Those that have not come though later ones have: lost, if the log ends here. */
  readonly pending: number;
  /** Records of processes that had ended before it could be told whose they were. */
  readonly unresolved: number;
}

/** Takes what the log tells; `position` is behind that, where the source can go back. */
export type OnBatch = (batch: StreamBatch) => void;

/** The node's audit log while it is read. */
export interface AuditLog extends AsyncDisposable {
  /** Whether it is read on from the position that was asked for; `behind` where that is in no file any more. */
  readonly began: 'continued' | 'behind' | 'anew';
  /** Settles when it is read no more, with what has gone wrong if it was not asked to end. */
  readonly ended: Promise<unknown>;
  /** Waits until all that was logged before has been told; false where that did not happen in time. */
  settle(): Promise<boolean>;
  account(): Account;
  counts(): StreamCounts;
}

export interface AuditLogSettings {
  readonly choice: Pick<SourceChoice, 'source' | 'file'>;
  /** Where to read on; sources that cannot go back begin with what is logged now. */
  readonly from?: Continuation;
  readonly node: string;
  readonly say: (line: string) => void;
}

/**
 * Opens the log and proves that it is read: all that was logged up to then has been told if it is read on from a position.
 * @throws SyscribeError ERR_AUDIT_SOURCE where it cannot be read or stays silent.
 */
export async function openAuditLog(onBatch: OnBatch, { choice, node, say, from }: AuditLogSettings): Promise<AuditLog> {
  await using stack = new AsyncDisposableStack();
  const containers = stack.use(new ContainerDirectory(say));
  const processes = stack.use(new Processes());
  if (processes.untold !== undefined)
    say(`processes that end before their record is read will not be known: ${processes.untold}`);
  const stop = new AbortController();
  const start = from !== undefined && choice.source !== 'netlink' ? { start: from } : {};
  const source = new MarkedSource(await openSource({ ...choice, ...start, say }, stop.signal));
  const stream = new AuditStream({ source, processes, containers }, { node });
  let began: AuditLog['began'] | undefined;
  const take = (batch: StreamBatch) => {
    began ??= beginningOf(batch, from, stream.counts().breaks);
    onBatch(batch);
  };
  const ended = readAll(stream, take, stop.signal);
  stack.defer(async () => {
    stop.abort();
    await ended;
  });
  const failure = await failureOf(source, ended);
  if (failure !== undefined) throw failure;
  const all = stack.move();
  return {
    began: began ?? 'anew',
    ended,
    settle: () => source.settle(),
    account: () => accountOf(stream.counts()),
    counts: () => stream.counts(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** @param breaks how often a position was not found. */
function beginningOf({ position }: StreamBatch, from: Continuation | undefined, breaks: number): AuditLog['began'] {
  if (!from || !position) return 'anew';
  if (breaks > 0) return 'behind';
  // Another source than the one that the position is of begins at its end.
  const same = position.inode === from.inode || position.head.sha256 === from.head.sha256;
  return same && position.offset === from.offset ? 'continued' : 'anew';
}

/** @returns what went wrong. */
async function readAll(stream: AuditStream, onBatch: OnBatch, signal: AbortSignal): Promise<unknown> {
  try {
    for await (const batch of stream.read(signal)) onBatch(batch);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** @returns why nothing comes from the source; undefined once a mark of our own has come. */
async function failureOf(source: MarkedSource, ended: Promise<unknown>): Promise<unknown> {
  const silent = new SyscribeError('ERR_AUDIT_SOURCE', `nothing comes from ${source.label}`, {
    remedy:
      'Run the agent in the host’s network and PID namespaces with CAP_AUDIT_READ, or start auditd and mount its log.',
  });
  const over = ended.then((error) => error ?? silent);
  for (let tries = 0; tries < TRIES; tries++) {
    const outcome = await Promise.race([source.settle(), over]);
    if (outcome === true) return undefined;
    if (outcome !== false) return outcome;
  }
  return silent;
}

function accountOf({ gaps, pending, overflows, dropped, breaks, unresolved }: StreamCounts): Account {
  const missed = Math.max(gaps, overflows);
  return {
    status: auditStatus(),
    lost: missed + dropped + breaks,
    pending: Math.max(gaps + pending, overflows) - missed,
    unresolved,
  };
}
