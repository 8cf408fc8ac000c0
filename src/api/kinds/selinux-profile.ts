import { ACTIVE_WORKLOADS, PROFILE_STATUS, STATE } from '../common.ts';
import type { Column, Kind } from '../crd.ts';
import { listOf, object, oneOf, string } from '../schema.ts';

const COLUMNS: readonly Column[] = [
  { name: 'Usage', type: 'string', jsonPath: '.status.usage' },
  { name: 'State', type: 'string', jsonPath: '.status.status' },
];

const STATUS = object('What nodes have made of it.', {
  ...PROFILE_STATUS,
  usage: string('What securityContext.seLinuxOptions.type has to say.'),
  activeWorkloads: ACTIVE_WORKLOADS,
});

const PARENT = object(
  'A policy whose rules hold too.',
  {
    kind: oneOf('Whose policy it is.', ['System', 'SelinuxProfile'], { default: 'System' }),
    name: string('Its name.', { minLength: 1 }),
  },
  ['name'],
);

const PERMISSIONS = {
  type: 'object',
  description: 'Permissions by class of object.',
  additionalProperties: { type: 'array', items: { type: 'string' } },
} as const;

export const SELINUX_PROFILE = {
  kind: 'SelinuxProfile',
  plural: 'selinuxprofiles',
  scope: 'Cluster',
  description: 'What a container may do, as SELinux permissions.',
  columns: COLUMNS,
  spec: object('The policy.', {
    state: STATE,
    mode: oneOf('Whether what is not allowed is refused, or logged only.', ['Enforcing', 'Permissive'], {
      default: 'Enforcing',
    }),
    inherit: listOf('Policies that it stands on.', PARENT, { default: [{ kind: 'System', name: 'container' }] }),
    allow: {
      type: 'object',
      description: "By type of the target, @self for the profile's own.",
      additionalProperties: PERMISSIONS,
    },
  }),
  status: STATUS,
} as const satisfies Kind;

export const RAW_SELINUX_PROFILE = {
  kind: 'RawSelinuxProfile',
  plural: 'rawselinuxprofiles',
  scope: 'Cluster',
  description: 'A policy module in CIL.',
  columns: COLUMNS,
  spec: object('The policy.', {
    state: STATE,
    policy: string('Its text, in CIL.', { minLength: 1, maxLength: 500_000 }),
  }),
  status: STATUS,
} as const satisfies Kind;
