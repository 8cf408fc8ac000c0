// Imports within src go downward only: each folder may import what its row names, which stands above it here. Part of `make lint`.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

/** From the ground up. A row names only folders above it; what stands in no row fails the check. */
const LAYERS = {
  platform: [],
  kernel: ['platform'],
  api: ['platform'],
  profile: ['platform', 'kernel'],
  kube: ['platform'],
  container: ['platform'],
  capture: ['platform', 'kernel'],
  command: ['platform', 'kernel', 'profile', 'capture'],
  recording: ['platform', 'kernel', 'profile', 'container', 'capture', 'command'],
  stream: ['platform', 'kernel', 'container', 'capture'],
  webhook: ['platform', 'api', 'kube'],
  operator: ['platform', 'api', 'profile', 'kube', 'stream'],
  ...agentsRooms(['platform', 'kernel', 'api', 'profile', 'kube', 'container', 'capture', 'recording', 'stream']),
  setup: ['platform', 'api', 'kube'],
  kubectl: ['platform', 'api', 'kube'],
  cli: [
    ...['platform', 'kernel', 'api', 'profile', 'kube', 'container', 'capture', 'command', 'recording', 'stream'],
    ...['webhook', 'operator', 'agent', 'setup', 'kubectl'],
  ],
  'index.ts': ['platform', 'kernel', 'profile', 'command', 'recording'],
};
/** Only this folder speaks to the API server. */
const CLIENTS = { kube: /^(@kubernetes\/client-node|undici)(\/|$)/ };

/** Rooms of the agent are layers of their own, the last of them the files beside them. */
function agentsRooms(below) {
  const rooms = {
    'agent/pods': [],
    'agent/audit': [],
    'agent/status': [],
    'agent/recording': ['agent/pods', 'agent/audit'],
    'agent/install': ['agent/pods', 'agent/status'],
    'agent/rollout': ['agent/pods', 'agent/audit', 'agent/status', 'agent/recording', 'agent/install'],
    agent: ['agent/pods', 'agent/recording', 'agent/install'],
  };
  return Object.fromEntries(Object.entries(rooms).map(([room, others]) => [room, [...below, ...others]]));
}

const names = Object.keys(LAYERS);
const problems = [];
for (const [name, below] of Object.entries(LAYERS))
  for (const other of below)
    if (!names.slice(0, names.indexOf(name)).includes(other))
      problems.push(`scripts/check-layers.mjs: ${name} names ${other}, which does not stand above it`);

for (const file of globSync('**/*.ts', { cwd: SRC })) {
  const own = layerOf(file);
  if (LAYERS[own] === undefined) problems.push(`src/${file}: ${own} is in no layer`);
  for (const imported of importsOf(readFileSync(join(SRC, file), 'utf8'))) {
    const wrong = imported.startsWith('.') ? crossing(file, own, imported) : foreign(own, imported);
    if (wrong !== undefined) problems.push(`src/${file}: imports ${imported}: ${wrong}`);
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) console.error('Imports go downward only: docs/architecture.md, scripts/check-layers.mjs');
process.exitCode = problems.length > 0 ? 1 : 0;

/** `from '…'`, `import '…'` and `import('…')`. */
function importsOf(text) {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name);
}

function layerOf(file) {
  const [folder, room] = file.split('/');
  return LAYERS[`${folder}/${room}`] === undefined ? folder : `${folder}/${room}`;
}

function crossing(file, own, imported) {
  const target = relative('.', join(dirname(file), imported));
  if (target.startsWith('..')) return 'it is outside of src';
  const other = layerOf(target);
  return other === own || sees(own, other) ? undefined : `${own} may not import ${other}`;
}

/** Who may import the agent may import all of it. */
function sees(own, other) {
  return LAYERS[own]?.some((name) => name === other || (!own.startsWith(name) && other.startsWith(`${name}/`)));
}

function foreign(own, imported) {
  const [owner] = Object.entries(CLIENTS).find(([, pattern]) => pattern.test(imported)) ?? [own];
  return owner === own ? undefined : `only ${owner} may`;
}
