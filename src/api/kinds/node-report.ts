import { ACTIVE_WORKLOADS, PROFILE_STATUS, WORKLOADS } from '../common.ts';
import { AGE, type Kind } from '../crd.ts';
import { int32, int64, object, string } from '../schema.ts';
import { NODE_ROLLOUT } from './rollout.ts';

/** Of one profile on the node. */
export const REPORTED = object(
  'What has become of a profile.',
  {
    uid: string('The profile that is meant: another of that name has another.'),
    status: PROFILE_STATUS.status,
    message: string('Why, where it is an Error.', { maxLength: 1000 }),
    observedGeneration: int64('The generation of the profile.', { minimum: 0 }),
    activeWorkloads: ACTIVE_WORKLOADS,
    pods: WORKLOADS,
    rollout: NODE_ROLLOUT,
  },
  ['uid', 'status'],
);

export const NODE_REPORT = {
  kind: 'SecurityProfileNodeReport',
  plural: 'securityprofilenodereports',
  shortNames: ['spnr'],
  scope: 'Cluster',
  description: 'What has become of profiles on one node, where there are too many of both for a node status of each.',
  columns: [
    { name: 'Profiles', type: 'integer', jsonPath: '.status.total' },
    { name: 'Errors', type: 'integer', jsonPath: '.status.errors' },
    AGE,
  ],
  spec: object('Where.', { nodeName: string('The node, as the object is named.', { minLength: 1 }) }, ['nodeName']),
  status: object('What has become of them.', {
    total: int32('How many profiles are reported.', { minimum: 0 }),
    errors: int32('How many of them are an Error.', { minimum: 0 }),
    profiles: {
      description: 'By KIND/NAME.',
      type: 'object',
      additionalProperties: REPORTED,
      // One writes all of it: the API server keeps no owner for each field of each profile, more than the profiles themselves.
      'x-kubernetes-map-type': 'atomic',
    },
  }),
} as const satisfies Kind;
