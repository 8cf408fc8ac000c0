/**
 * Agents of many nodes in one process: kubernetes-agents.ts KUBECONFIG FIRST COUNT SPREAD. What they are told of, keep and
 * write is done by the agent's own code with connections of their own; the kernel's part, what containers call, is made up.
 * Says `ready` once all have seen the cluster, begins when it reads a line, says `done` when all is written, and ends with
 * its input.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type ClusterView, watchCluster } from '../../src/agent/pods/cluster.ts';
import { finish, type Run, withRun } from '../../src/agent/recording/container-record.ts';
import { Journal } from '../../src/agent/recording/journal.ts';
import { Publisher } from '../../src/agent/recording/publisher.ts';
import { Records } from '../../src/agent/recording/record-store.ts';
import { recordFor } from '../../src/agent/recording/selection.ts';
import { syscallNames, syscallNumber } from '../../src/kernel/syscalls.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { loadConnection } from '../../src/kube/config.ts';
import { EventRecorder } from '../../src/kube/events.ts';
import { randomNumbers } from './stats.ts';

/** Agents that start at once. */
const STARTING = 25;
const LIFE = 1000; // milliseconds of a pod
/** Calls that all containers make, and those that one makes beside them. */
const CALLS = { common: 60, own: 5 };

const [kubeconfig = '', first = '0', count = '1', spread = '0'] = process.argv.slice(2);
const random = randomNumbers(Number(first) + 1);
const abi = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const names = syscallNames(abi);
const directory = mkdtempSync(join(tmpdir(), 'syscribe-bench-agents-'));
const stop = new AbortController();
const log = { info: () => {}, warn: (details: object, text: string) => console.error(text, details) };

class SimulatedAgent {
  readonly view: ClusterView;
  readonly #records: Records;
  readonly #node: string;
  readonly #running: Promise<unknown>;
  readonly #changed = new EventTarget();

  constructor(node: string) {
    this.#node = node;
    const client = new KubeClient(loadConnection({ kubeconfig }), { userAgent: 'syscribe-agent/bench' });
    const events = new EventRecorder(client, { component: 'profilerecorder', host: node });
    const records = new Records(new Journal(join(directory, node)), (record) => publisher.changed(record));
    const publisher: Publisher = new Publisher(
      {
        client,
        events,
        log,
        record: (id) => records.get(id),
        published: (id, object) => records.published(id, object),
        refused: (id) => records.refused(id),
        settled: (id) => {
          records.remove(id);
          this.#changed.dispatchEvent(new Event('settled'));
        },
      },
      { node },
    );
    this.#records = records;
    this.view = watchCluster(client, log, { node });
    const parts = [this.view.pods, this.view.recordings, this.view.namespaces, publisher];
    this.#running = Promise.allSettled(parts.map((part) => part.run(stop.signal))).then(async () => {
      await events[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    });
  }

  /** One pod of each recording; returns once all that they gave is written. */
  async recordAll(): Promise<void> {
    await Promise.all([...this.view.recordings.list()].map((recording) => this.#record(recording)));
    while (this.#records.size > 0) await once(this.#changed, 'settled');
  }

  async #record(recording: Parameters<typeof recordFor>[0]): Promise<void> {
    await setTimeout(random() * Number(spread));
    const generateName = `${recording.metadata.name}-`;
    const name = `${generateName}${this.#node}`;
    const namespace = recording.metadata.namespace ?? '';
    const pod = { metadata: { name, namespace, generateName, uid: crypto.randomUUID() }, containers: [] };
    const begun = withRun(recordFor(recording, pod, 'c', 'runc'), name, madeUp(), false, Date.now());
    this.#records.put(begun);
    await setTimeout(LIFE);
    this.#records.put(finish(withRun(begun, name, begun.current[name] ?? madeUp(), true, Date.now())));
  }

  ended(): Promise<unknown> {
    return this.#running;
  }
}

function madeUp(): Run {
  const own = Array.from({ length: CALLS.own }, () => names[Math.floor(random() * names.length)] ?? '');
  const calls = [...names.slice(0, CALLS.common), ...own].map((name) => syscallNumber(abi, name) ?? 0);
  return { calls: calls.map((nr) => ({ abi, nr, phase: 'workload' })), reasons: [] };
}

const agents: SimulatedAgent[] = [];
while (agents.length < Number(count)) {
  const group = Array.from({ length: Math.min(STARTING, Number(count) - agents.length) }, (_, index) => {
    return new SimulatedAgent(`node-${Number(first) + agents.length + index}`);
  });
  await Promise.all(
    group.flatMap(({ view }) => [view.pods, view.recordings, view.namespaces].map((one) => one.synced)),
  );
  agents.push(...group);
}
console.log('ready');
await once(process.stdin, 'data');
await Promise.all(agents.map((agent) => agent.recordAll()));
console.log('done');
process.stdin.resume();
await once(process.stdin, 'end');
stop.abort();
await Promise.all(agents.map((agent) => agent.ended()));
rmSync(directory, { recursive: true });
