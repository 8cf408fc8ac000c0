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
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names,
      scope: kind.scope,
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          ...(kind.columns.length > 0 && { additionalPrinterColumns: kind.columns }),
          schema: { openAPIV3Schema: whole(kind) },
        },
      ],
    },
  };
}

function whole({ description, spec, status, specRequired = false }: Kind): Schema {
  const head = {
    apiVersion: string('The version of this schema.'),
    kind: string('The kind of this object.'),
    metadata: { type: 'object' } as const,
  };
  return object(description, { ...head, spec, status }, specRequired ? ['spec'] : []);
}
