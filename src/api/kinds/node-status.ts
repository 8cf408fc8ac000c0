import { ACTIVE_WORKLOADS, PROFILE_STATUS, WORKLOADS } from '../common.ts';
import { AGE, type Kind } from '../crd.ts';
import { object, string } from '../schema.ts';
import { NODE_ROLLOUT } from './rollout.ts';

export const NODE_STATUS = {
  kind: 'SecurityProfileNodeStatus',
  plural: 'securityprofilenodestatuses',
  shortNames: ['spns'],
  scope: 'Cluster',
  description: 'What has become of one profile on one node.',
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.status' },
    AGE,
    { name: 'Node', type: 'string', priority: 10, jsonPath: '.spec.nodeName' },
  ],
  spec: object('Where.', { nodeName: string('The node.', { minLength: 1 }) }, ['nodeName']),
  status: object('What has become of it.', {
    ...PROFILE_STATUS,
    activeWorkloads: ACTIVE_WORKLOADS,
    pods: WORKLOADS,
    rollout: NODE_ROLLOUT,
  }),
} as const satisfies Kind;
