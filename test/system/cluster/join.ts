/** What a virtual machine of a cluster runs: it is a node, of whose files machine.ts had the rest written. */
import { setTimeout } from 'node:timers/promises';
import { DIRECTORY, nodeOf, startContainerd, startKubelet } from './node.ts';
import { Processes } from './processes.ts';

const LOOK = 500; // milliseconds
const [number, programs] = process.argv.slice(2);
if (number === undefined || programs === undefined) throw new Error('usage: join.ts NUMBER PROGRAMS');
const node = nodeOf(DIRECTORY, Number(number));
// The cluster's own list is of processes elsewhere.
const processes = new Processes(node.directory);
await startContainerd(processes, node, []);
startKubelet(processes, node, programs);
while (processes.ended().length === 0) await setTimeout(LOOK);
throw new Error(processes.ended().join('\n'));
