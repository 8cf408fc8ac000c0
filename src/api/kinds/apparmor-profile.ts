import { PROFILE_STATUS, STATE } from '../common.ts';
import { AGE, type Kind } from '../crd.ts';
import { boolean, object, oneOf, type Schema, setOf } from '../schema.ts';

function paths(description: string) {
  return setOf(description, { type: 'string' });
}

/** May be null, which is the same as absent: clients of the first versions write it. */
function nullable<const S extends Schema>(schema: S) {
  return { ...schema, nullable: true } as const;
}

export const APPARMOR_PROFILE = {
  kind: 'AppArmorProfile',
  plural: 'apparmorprofiles',
  shortNames: ['aa'],
  scope: 'Cluster',
  description: 'Which programs, files, networks and capabilities a container may use.',
  columns: [{ name: 'Status', type: 'string', jsonPath: '.status.status' }, AGE],
  spec: object('The profile.', {
    state: STATE,
    mode: oneOf('Whether what is not allowed is refused, or logged only.', ['Enforce', 'Complain'], {
      default: 'Enforce',
    }),
    abstract: object('What is allowed.', {
      executable: object('Programs.', {
        allowedExecutables: paths('Programs that may be executed.'),
        allowedLibraries: paths('Libraries that may be mapped.'),
      }),
      filesystem: object('Files.', {
        readOnlyPaths: paths('Files that may be read.'),
        writeOnlyPaths: paths('Files that may be written.'),
        readWritePaths: paths('Files that may be read and written.'),
      }),
      network: object('Networks.', {
        allowRaw: nullable(boolean('Raw sockets.')),
        allowedProtocols: object('Protocols.', {
          allowTcp: nullable(boolean('TCP.')),
          allowUdp: nullable(boolean('UDP.')),
        }),
      }),
      capability: object('Capabilities.', {
        allowedCapabilities: setOf('In small letters, without CAP_.', { type: 'string' }),
      }),
    }),
  }),
  status: object('What nodes have made of it.', PROFILE_STATUS),
} as const satisfies Kind;
