import { OLD_VERSIONS, oldSchema } from './conversion/old-versions.ts';
import { object, type Schema, string } from './schema.ts';

export const GROUP = 'security-profiles-operator.x-k8s.io';

/** What `kubectl get` shows of an object. */
export interface Column {
  readonly name: string;
  readonly jsonPath: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly description?: string;
  /** 10: with `-o wide` only. */
  readonly priority?: number;
}

/** A kind of the API, as people and the API server know it. */
export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  readonly description: string;
  readonly columns: readonly Column[];
  readonly spec: Schema;
  readonly status: Schema;
  readonly specRequired?: boolean;
}

export const AGE: Column = { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' };

/**
 * Who converts: called only where a version other than v1 is used, so that the definitions can be there before it is.
 * caBundle is left out: whoever owns the certificate writes it, and applying the manifest again leaves it alone.
 */
const CONVERSION = {
  strategy: 'Webhook',
  webhook: {
    conversionReviewVersions: ['v1'],
    clientConfig: {
      service: { name: 'webhook-service', namespace: 'security-profiles-operator', path: '/convert' },
    },
  },
} as const;

/** The CustomResourceDefinition of a kind, ready to be applied. */
export function customResourceDefinition(kind: Kind): object {
  const singular = kind.kind.toLowerCase();
  const names = {
    kind: kind.kind,
    listKind: `${kind.kind}List`,
    plural: kind.plural,
    singular,
    ...(kind.shortNames && { shortNames: kind.shortNames }),
  };
  const v1 = wholeSchema(kind);
  const old = OLD_VERSIONS.get(kind.kind);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names,
      scope: kind.scope,
      ...(old !== undefined && { conversion: CONVERSION }),
      versions: [
        served(kind, 'v1', true, v1),
        ...(old === undefined ? [] : [served(kind, old.version, false, oldSchema(v1, old))]),
      ],
    },
  };
}

function served({ columns }: Kind, name: string, storage: boolean, schema: Schema): object {
  return {
    name,
    served: true,
    storage,
    subresources: { status: {} },
    ...(columns.length > 0 && { additionalPrinterColumns: columns }),
    schema: { openAPIV3Schema: schema },
  };
}

/** The schema of a whole object in v1. */
export function wholeSchema({ description, spec, status, specRequired = false }: Kind): Schema {
  const head = {
    apiVersion: string('The version of this schema.'),
    kind: string('The kind of this object.'),
    metadata: { type: 'object' } as const,
  };
  return object(description, { ...head, spec, status }, specRequired ? ['spec'] : []);
}
