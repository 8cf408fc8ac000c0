import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Account, AuditLog, OnBatch } from '../../../../../src/agent/audit/audit-log.ts';
import type { ClusterView, PodObject } from '../../../../../src/agent/pods/cluster.ts';
import { Identities } from '../../../../../src/agent/pods/identities.ts';
import { totalOf } from '../../../../../src/agent/recording/container-record.ts';
import { Journal } from '../../../../../src/agent/recording/journal.ts';
import { type Checkpoint, CheckpointFile } from '../../../../../src/agent/recording/log/checkpoint.ts';
import { Logs } from '../../../../../src/agent/recording/log/log-recorder.ts';
import { Records } from '../../../../../src/agent/recording/record-store.ts';
import type { Continuation } from '../../../../../src/capture/audit/log-file.ts';
import { syscallName, syscallNumber } from '../../../../../src/kernel/syscalls.ts';
import { Store } from '../../../../../src/kube/store.ts';
import type { EnrichedEvent } from '../../../../../src/stream/event.ts';
import { podObject, recording, status } from '../../samples.ts';

const NAMESPACE = { metadata: { name: 'shop' } };
export const POD = { annotations: { 'io.containers.trace-logs/front': 'rec_front_x7k2p_1700000000' } };
export const QUIET: Account = { status: kernel(0), lost: 0, pending: 0, unresolved: 0 };

export function kernel(lost: number): Account['status'] {
  return { enabled: 1, failure: 1, pid: 0, rateLimit: 0, backlogLimit: 64, lost, backlog: 0 };
}

export function event(id: string, name: string, comm = 'web', action: 'log' | 'errno' = 'log'): EnrichedEvent {
  const number = syscallNumber('x86_64', name) ?? -1;
  return {
    time: '2026-01-01T00:00:00.000Z',
    serial: 1,
    type: 'seccomp',
    node: 'node-1',
    container: { id },
    process: { pid: 7, comm },
    seccomp: { syscall: name, number, arch: 'x86_64', action },
  };
}

export const at = (offset: number): Continuation => ({
  inode: '1:1',
  offset,
  head: { length: 0, sha256: '0'.repeat(64) },
});

/** A node on which the log is what the test says. */
export function node(context: Pick<TestContext, 'after'>, earlier?: Checkpoint) {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-logs-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const checkpoints = new CheckpointFile(join(directory, 'audit-log.json'));
  if (earlier) checkpoints.write(earlier);
  const stores = { pods: new Store<PodObject>(), recordings: new Store(), namespaces: new Store() };
  const view = stores as unknown as ClusterView;
  const quiet = { info: () => {}, warn: () => {} };
  const identities = new Identities(quiet, []);
  view.pods.onChange((_, now, before) => identities.podChanged(now, before));
  const records = new Records(new Journal(directory), () => {});
  const state = {
    account: QUIET,
    settles: true,
    opened: 0,
    began: 'anew' as AuditLog['began'],
    /** What is told while the log is opened: what stands behind the position. */
    behind: [] as EnrichedEvent[],
    from: undefined as Continuation | undefined,
    alive: new Set<string>(),
    refusal: undefined as Error | undefined,
    /** What was logged before the mark and comes just before it. */
    late: [] as EnrichedEvent[],
  };
  const told: string[] = [];
  let tell: OnBatch = () => {};
  let ended = Promise.withResolvers<unknown>();
  const audit: AuditLog = {
    get began() {
      return state.began;
    },
    get ended() {
      return ended.promise;
    },
    settle: async () => {
      tell({ events: state.late });
      return state.settles;
    },
    account: () => state.account,
    counts: () => {
      throw new Error('nobody asks');
    },
    [Symbol.asyncDispose]: async () => {
      state.opened -= 1;
    },
  };
  const logs = new Logs({
    view,
    identities,
    records,
    log: quiet,
    events: { event: (_about, _type, reason) => told.push(reason) },
    checkpoints,
    rateLimit: 20,
    open: async (onBatch, from) => {
      if (state.refusal) throw state.refusal;
      tell = onBatch;
      ended = Promise.withResolvers();
      state.opened += 1;
      state.from = from;
      if (state.behind.length > 0) onBatch({ events: state.behind, position: at(2) });
      return audit;
    },
    alive: () => new Map([...state.alive].map((id) => [id, 'pod-uid'])),
  });
  const see = (pod: PodObject) => stores.pods.put('shop/web', pod);
  const start = () => {
    stores.namespaces.put('shop', NAMESPACE);
    stores.recordings.put('shop/rec', recording({ recorder: 'Logs' }));
    return logs.round();
  };
  /** A container that began behind the log's opening. */
  const begin = (id: string) => {
    state.alive.add(id);
    see(podObject(POD, [status(id)]));
  };
  const total = () => {
    const [only] = records.list();
    const { calls, reasons } = only ? totalOf(only) : { calls: [], reasons: [] };
    const names = calls.map(({ phase, abi, nr }) => `${phase} ${syscallName(abi, nr)}`);
    return { names: names.sort(), reasons: reasons.map(({ code }) => code).sort() };
  };
  return {
    ...{ stores, records, state, told, logs, see, start, begin, total },
    log: (...events: EnrichedEvent[]) => tell({ events }),
    logTo: (offset: number, ...events: EnrichedEvent[]) => tell({ events, position: at(offset) }),
    kept: () => checkpoints.read(),
    fail: (error: Error) => ended.resolve(error),
  };
}
