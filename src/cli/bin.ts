import { setFlagsFromString } from 'node:v8';
import { main } from './main.ts';

// Left to itself, V8 lets a heap of 15 MiB grow to 60 before it collects: it shares the node with the workloads.
setFlagsFromString('--heap-growing-percent=40');

process.exit(await main(process.argv));
