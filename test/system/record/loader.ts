/**
 * What an agent does at its start, to be killed in the middle: loads, attaches, records what runs; then lets go of a
 * container and records it again.
 */
import { NodeRecorder } from '../../../src/recording/ebpf/node-recorder.ts';

const [cgroups = '', cgroupRoot = '', pins = '', slots = ''] = process.argv.slice(2);
const recorder = NodeRecorder.load(
  { cgroups, cgroupRoot, pins, slots: Number(slots) },
  { changed: () => {}, seen: () => {}, podBorn: () => {} },
);
recorder.begin();
recorder.arm();
for (const { slot, ended } of recorder.containers()) if (!ended) recorder.release(slot);
recorder.adopt(() => true);
recorder[Symbol.dispose]();
