/**
 * The REST API v2 as one table: its resources, and the 19 endpoints that follow from them. Client, loaders, cost and
 * commands read it. To support another version of the API, replace this table and, where records differ, the field tables.
 *
 * Source: the vendor's Postman collection ("Datatrics API (deprecated)").
 */

export type Resource = 'profile' | 'content' | 'conversion' | 'interaction';
export type ContentType = 'ITEM' | 'CATEGORY';
export type Action = 'get' | 'list' | 'create' | 'update' | 'bulk' | 'delete';
export type TotalSpelling = 'total_elements' | 'totalElements' | 'total_items';

interface ResourceApi {
  readonly typeName: string;
  /** In the scopes (`profiles:read`). */
  readonly plural: string;
  readonly segment: string;
  readonly actions: readonly Action[];
  /** Whether lists narrow by a `source` parameter. Other lists narrow by `q[source]`. */
  readonly sourceParameter: boolean;
  /** The API's values for omitted parameters of the list. */
  readonly defaults: { readonly limit: number; readonly page: 1; readonly sort: string; readonly order: 1 | -1 };
  /** The names of the total in the vendor's collection. Every reader accepts all three. */
  readonly totals: { readonly list: TotalSpelling; readonly bulk: TotalSpelling };
  /** REST name of the field that filters a list by record ids. */
  readonly idField: string;
  /** The body for one record: `{ [idKey], source, ...beside, [wrapper]: fields }`. */
  readonly body: {
    readonly idKey: string;
    readonly wrapper: string;
    /** REST names of the fields that are beside the wrapper instead of in it. */
    readonly beside: readonly string[];
  };
  /** The body of a bulk write: the key for the list of items, and whether one `source` for all items is beside the list. */
  readonly bulk: { readonly itemsKey: string; readonly sourceOnTop: boolean };
}

const NEWEST_FIRST = { limit: 500, page: 1, sort: 'created', order: -1 } as const;

export const RESOURCES = {
  profile: {
    typeName: 'Profile',
    plural: 'profiles',
    segment: 'profile',
    actions: ['get', 'list', 'create', 'update', 'bulk'],
    sourceParameter: true,
    defaults: { limit: 100, page: 1, sort: 'created', order: 1 },
    totals: { list: 'total_elements', bulk: 'totalElements' },
    idField: 'profileid',
    body: { idKey: 'profileid', wrapper: 'profile', beside: [] },
    bulk: { itemsKey: 'profiles', sourceOnTop: false },
  },
  content: {
    typeName: 'Content',
    plural: 'contents',
    segment: 'content',
    actions: ['get', 'list', 'create', 'update', 'bulk', 'delete'],
    sourceParameter: false,
    defaults: NEWEST_FIRST,
    totals: { list: 'totalElements', bulk: 'totalElements' },
    idField: 'id',
    body: { idKey: 'itemid', wrapper: 'item', beside: [] },
    bulk: { itemsKey: 'items', sourceOnTop: false },
  },
  conversion: {
    typeName: 'Conversion',
    plural: 'conversions',
    segment: 'sale',
    actions: ['get', 'list', 'create', 'bulk'],
    sourceParameter: false,
    defaults: NEWEST_FIRST,
    totals: { list: 'total_items', bulk: 'total_items' },
    idField: 'conversionid',
    body: { idKey: 'conversionid', wrapper: 'conversion', beside: [] },
    bulk: { itemsKey: 'items', sourceOnTop: true },
  },
  interaction: {
    typeName: 'Interaction',
    plural: 'interactions',
    segment: 'interaction',
    actions: ['get', 'list', 'create', 'bulk'],
    sourceParameter: false,
    defaults: NEWEST_FIRST,
    totals: { list: 'total_items', bulk: 'total_items' },
    idField: 'interactionid',
    body: { idKey: 'interactionid', wrapper: 'interaction', beside: ['objecttype'] },
    bulk: { itemsKey: 'interactions', sourceOnTop: false },
  },
} as const satisfies Record<Resource, ResourceApi>;

export interface Endpoint {
  readonly name: string;
  readonly resource: Resource;
  readonly action: Action;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path template below the base URL. */
  readonly path: string;
  readonly label: string;
  /** Query parameters. Lists also accept `q[…]` filters. */
  readonly query: readonly string[];
  /** Reads and writes of a resource have separate circuit breakers: a list that overloads the API says nothing about writes. */
  readonly group: string;
}

const ACTIONS: Readonly<Record<Action, Pick<Endpoint, 'method' | 'path' | 'query'>>> = {
  get: { method: 'GET', path: '/{id}', query: ['source'] },
  list: { method: 'GET', path: '', query: ['limit', 'page', 'sort', 'order'] },
  create: { method: 'POST', path: '', query: [] },
  update: { method: 'PUT', path: '/{id}', query: [] },
  bulk: { method: 'POST', path: '/bulk', query: [] },
  delete: { method: 'DELETE', path: '/{id}', query: ['source'] },
};

function createEndpoint(resource: Resource, action: Action): Endpoint {
  const { typeName, segment, sourceParameter } = RESOURCES[resource];
  const { method, path: end, query } = ACTIONS[action];
  const path = `/project/{project}/${segment}${end}`;
  return {
    name: `${action}${typeName}${action === 'list' || action === 'bulk' ? 's' : ''}`,
    resource,
    action,
    method,
    path,
    label: `${method} ${path}`,
    query: [
      ...query,
      ...(action === 'list' && sourceParameter ? ['source'] : []),
      ...(resource === 'content' ? ['type'] : []),
    ],
    group: `${resource} ${method === 'GET' ? 'read' : 'write'}`,
  };
}

const BY_RESOURCE = Object.fromEntries(
  Object.entries(RESOURCES).map(([resource, { actions }]) => [
    resource,
    Object.fromEntries(actions.map((action) => [action, createEndpoint(resource as Resource, action)])),
  ]),
) as Readonly<Record<Resource, Readonly<Record<Action, Endpoint>>>>;

export const ENDPOINTS: readonly Endpoint[] = Object.values(BY_RESOURCE).flatMap((actions) => Object.values(actions));

/** The endpoint for an action. The API has no updates of conversions and interactions, and deletes only content. */
export function endpointFor(resource: Resource, action: Action): Endpoint {
  return BY_RESOURCE[resource][action];
}

/** A kind of record that the API lists separately: one per resource, but two for content. */
export interface Listed {
  readonly resource: Resource;
  readonly type?: ContentType;
}

export const LISTED: readonly Listed[] = [
  { resource: 'profile' },
  { resource: 'content', type: 'ITEM' },
  { resource: 'content', type: 'CATEGORY' },
  { resource: 'conversion' },
  { resource: 'interaction' },
];

/** The API's name of a content type: plural for a bulk write, otherwise singular. */
export function restTypeOf(action: Action, type: ContentType): string {
  if (action === 'bulk') return type === 'ITEM' ? 'items' : 'categories';
  return type.toLowerCase();
}
