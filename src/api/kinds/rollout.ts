import { boolean, int32, int64, listOf, object, oneOf, string } from '../schema.ts';

const MODES = ['Audit', 'Enforce'] as const;
const TIME = { format: 'date-time' } as const;

/** Of a profile's spec: how a change of it comes to be enforced. */
export const ROLLOUT = object('How the profile, and each change of it, comes to be enforced.', {
  mode: oneOf('Enforce: at once. Audit: what it would refuse is logged and let through until it is promoted.', MODES, {
    default: 'Enforce',
  }),
  promoteAfter: string('It is promoted when containers ran so long under it and nothing was logged.', {
    default: '24h',
    pattern: '^([0-9]+(s|m|h))+$',
    maxLength: 32,
  }),
  minContainers: int32('It is promoted when so many containers have run under it.', { minimum: 1, default: 1 }),
  minNodes: int32('It is promoted when containers on so many nodes have run under it.', { minimum: 1, default: 1 }),
});

const DENIED = listOf(
  'Calls that the profile refuses, or would if it were enforced: not all of many.',
  object(
    'A call of a workload.',
    {
      syscall: string('Its name; its number where it has none.'),
      workload: string('NAMESPACE/KIND/NAME/CONTAINER.'),
      count: int64('How often it was logged.', { minimum: 1 }),
      last: string('When it was logged last.', TIME),
    },
    ['syscall', 'workload', 'count', 'last'],
  ),
);

const SEEN = {
  denied: DENIED,
  deniedLeft: int64('How often calls were logged that have no room in the list.', { minimum: 0 }),
  running: listOf(
    'Pods that run under it, by what they began with.',
    object(
      'Pods of one generation.',
      {
        generation: int64('The generation of the profile.', { minimum: 0 }),
        mode: oneOf('How it was installed then.', MODES),
        pods: int32('How many pods.', { minimum: 1 }),
      },
      ['generation', 'mode', 'pods'],
    ),
  ),
  mixed: int32('Pods whose containers began with different ones, or with what cannot be told.', { minimum: 0 }),
} as const;

const DIGEST = string('Of what the profile says, apart from rollout and state.');

/** Of a profile's status. */
export const ROLLOUT_STATUS = object(
  'How far the roll-out is.',
  {
    mode: oneOf('What is in force.', MODES),
    generation: int64('The generation that is rolled out.', { minimum: 0 }),
    digest: DIGEST,
    since: string('When it began, or was promoted.', TIME),
    cleanSeconds: int64('How long containers ran under it in Audit and nothing was logged.', { minimum: 0 }),
    cleanUntil: string('What that counts up to.', TIME),
    containers: int32('Containers that have run under it in Audit.', { minimum: 0 }),
    nodes: int32('Nodes on which they ran.', { minimum: 0 }),
    ...SEEN,
  },
  ['mode', 'generation', 'digest', 'since'],
);

/** Of a profile's status: what it falls back to while an update is audited. */
export const ENFORCED = object(
  'What was enforced last.',
  {
    generation: int64('The generation of the profile.', { minimum: 0 }),
    digest: DIGEST,
    spec: string('As JSON, apart from rollout and state; absent where it is too large.'),
  },
  ['generation', 'digest'],
);

/** Of a node status. */
export const NODE_ROLLOUT = object(
  'What the node has seen of a profile that is rolled out by Audit.',
  {
    digest: DIGEST,
    mode: oneOf('How it is installed.', MODES),
    stream: oneOf('Whether what is logged is read, and all of it.', ['Alive', 'Lossy', 'Down']),
    message: string('Why it is not.', { maxLength: 1024 }),
    cleanFrom: string('Since when containers run under it, all that is logged is read, and nothing was.', TIME),
    cleanUntil: string('Up to when, at least.', TIME),
    counting: boolean('That goes on.'),
    containers: int32('Containers that have run under it in Audit.', { minimum: 0 }),
    ...SEEN,
  },
  ['digest', 'mode', 'stream'],
);
