/** What has to happen in a process of its own: exercise.ts SCENARIO prints `done` and exits with 0. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type NativeRecorder, native } from '../../src/capture/native.ts';
import { alive, children, descriptors, FILTER, finish, heldBpf, LOAD, listening, START, until } from './support.ts';

const scenarios: Readonly<Record<string, () => void | Promise<void>>> = {
  collected,
  everything,
  'exit-open': () => {
    openAll();
    succeed();
  },
  'exit-in-callback': () => inCallback(succeed),
  'throw-in-callback': () => {
    process.once('uncaughtException', (error) => (error.message === 'thrown' ? succeed() : process.exit(1)));
    return inCallback(() => {
      throw new Error('thrown');
    });
  },
  'worker-terminated': () => withWorker('listen', (worker) => worker.terminate()),
  'worker-exits': () => withWorker('exit', (worker) => once(worker, 'exit')),
  'workers-in-a-row': async () => {
    for (let round = 0; round < 10; round += 1) await withWorker('close', (worker) => once(worker, 'exit'));
    succeed();
  },
  flood,
};

function succeed(): never {
  process.stdout.write('done\n');
  process.exit(0);
}

/** One of each thing, with a child at its gate and one that runs. */
function openAll(): void {
  listening();
  native().start(
    START,
    () => {},
    () => {},
  );
  const { child } = native().start(
    { ...START, files: ['/bin/sleep'], argv: ['sleep', '0.2'] },
    () => {},
    () => {},
  );
  native().go(child);
  if (isMainThread) native().watchSignals([10, 12], () => {});
  native().openAudit(() => {});
}

/** Has a recorder deliver the birth of a command to `callback`. */
async function inCallback(callback: () => void): Promise<void> {
  const recorder = listening(callback);
  const { child, pidfd } = native().start(
    START,
    () => {},
    () => {},
  );
  native().tagProcess(recorder, pidfd, native().popSlot(recorder) ?? 0);
  native().go(child);
  await new Promise(() => {});
}

async function collected(): Promise<void> {
  const before = descriptors().length;
  for (let round = 0; round < 3; round += 1) {
    openAll();
    const held = heldBpf();
    if (held.length === 0) throw new Error('nothing was opened');
    for (let pass = 0; heldBpf().length > 0 && pass < 1000; pass += 1) {
      globalThis.gc?.();
      await turn();
    }
    await until(() => descriptors().length === before);
    await until(() => alive(held).length === 0);
  }
  // The one at its gate has ended with its handle; the one that ran has been let go on.
  await until(() => [...children().values()].every((state) => state === 'Z'));
  succeed();
}

async function withWorker(mode: string, end: (worker: Worker) => Promise<unknown>): Promise<void> {
  const before = descriptors().length;
  const worker = new Worker(new URL(import.meta.url), { workerData: mode, argv: ['in-worker'] });
  const [held] = (await once(worker, 'message')) as [string[]];
  await end(worker);
  await until(() => descriptors().length <= before);
  await until(() => alive(held).length === 0);
  if (mode !== 'close') succeed();
}

function inWorker(): void {
  const recorder = listening();
  if (workerData !== 'close') openAll();
  parentPort?.postMessage(heldBpf());
  if (workerData === 'exit') setImmediate(() => process.exit(0));
  if (workerData === 'close') native().close(recorder);
}

/** Every function once, with what it refuses too; all is closed at the end. */
async function everything(): Promise<void> {
  const attempt = (use: () => unknown) => {
    try {
      use();
    } catch {
      // Refused, as it should be.
    }
  };
  for (let round = 0; round < 3; round += 1) {
    useRecorder(listening());
    attempt(() => native().load({ ...LOAD, controller: 'nonexistent' }));
    attempt(() => native().load({ ...LOAD, slots: 0 }));
    attempt(() =>
      native().start(
        { ...START, env: ['A=1', 'B\0'] },
        () => {},
        () => {},
      ),
    );
    attempt(() =>
      native().start(
        { ...START, filter: Buffer.alloc(3) },
        () => {},
        () => {},
      ),
    );
    attempt(() =>
      native().start(
        { ...START, groups: [1, -1] },
        () => {},
        () => {},
      ),
    );
    attempt(() => native().start(START, () => {}, undefined as never));
    const { program } = native().buildFilter({ ...FILTER, defaultAction: 0x7fff0000, rules: [] });
    await finish({ filter: program, groups: [1], argv: ['true', 'x'], env: ['A=1'] });
    native().release(
      native().start(
        START,
        () => {},
        () => {},
      ).child,
    );
    attempt(() => native().buildFilter({ ...FILTER, architectures: [1] }));
    attempt(() => native().buildFilter({ ...FILTER, rules: [{ name: 'read\0', action: 0, args: [] }] }));
    attempt(() => native().watchSignals([9], () => {}));
    native().unwatchSignals(native().watchSignals([10], () => {}));
    const audit = native().openAudit(() => {});
    native().drainAudit(audit);
    native().closeAudit(audit);
    native().processGroup(1);
    await turn();
    globalThis.gc?.();
    await turn();
  }
  process.stdout.write('done\n');
}

function useRecorder(recorder: NativeRecorder): void {
  const addon = native();
  const slot = addon.popSlot(recorder) ?? 0;
  addon.walk(recorder);
  addon.misses(recorder, "syscribe_enter");
  addon.seen(recorder, slot);
  addon.state(recorder, slot);
  addon.counters(recorder);
  addon.overflow(recorder);
  addon.addMember(recorder, 1n, { slot, generation: 0, levels: 0, anyMountNamespace: 0 });
  addon.isMember(recorder, 1n);
  addon.setRoot(recorder, 0, slot);
  addon.drain(recorder);
  addon.freeSlot(recorder, slot);
  addon.close(recorder);
}

/** Commands whose every call is logged: more than the audit socket's buffer of whoever started this holds. */
async function flood(): Promise<void> {
  const filter = native().buildFilter({ ...FILTER, defaultAction: 0x7ffc0000, rules: [] }).program;
  const script = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); kill -0 $$; done';
  const options = { files: ['/bin/sh'], argv: ['sh', '-c', script], filter };
  for (let round = 0; round < 10; round += 1) await finish(options);
}

if (isMainThread) await scenarios[process.argv[2] ?? '']?.();
else inWorker();
