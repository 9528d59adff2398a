/**
 * The REST API v2 as one table: its resources and 19 endpoints. Client, loaders, cost and commands read it. To support
 * another version of the API, replace this table and, where records differ, the field tables.
 *
 * Source: the vendor's Postman collection ("Datatrics API (deprecated)").
 */

/** The GraphQL type of each resource, and the plural used in its scopes (`profiles:read`). */
export const RESOURCES = {
  profile: { typeName: 'Profile', plural: 'profiles' },
  content: { typeName: 'Content', plural: 'contents' },
  conversion: { typeName: 'Conversion', plural: 'conversions' },
  interaction: { typeName: 'Interaction', plural: 'interactions' },
} as const;

export type Resource = keyof typeof RESOURCES;
export type ContentType = 'ITEM' | 'CATEGORY';

interface EndpointBase {
  readonly resource: Resource;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path below the base URL. `{project}` and `{id}` are replaced by percent-encoded values. */
  readonly path: string;
  /** Query parameters, and whether the API requires them. Lists also accept `q[…]` filters. */
  readonly query: Readonly<Record<string, 'required' | 'optional'>>;
}

export interface GetEndpoint extends EndpointBase {
  readonly action: 'get';
  readonly method: 'GET';
}

export interface ListEndpoint extends EndpointBase {
  readonly action: 'list';
  readonly method: 'GET';
  /** The API's values for omitted parameters. */
  readonly defaults: { readonly limit: number; readonly page: 1; readonly sort: string; readonly order: 1 | -1 };
  /** The name of the total in the vendor's collection. Every reader accepts all three names. */
  readonly total: TotalSpelling;
  /** REST name of the field that filters a list by record ids. */
  readonly idField: string;
}

export interface WriteEndpoint extends EndpointBase {
  readonly action: 'create' | 'update';
  readonly method: 'POST' | 'PUT';
  readonly body: WriteBody;
}

export interface BulkEndpoint extends EndpointBase {
  readonly action: 'bulk';
  readonly method: 'POST';
  readonly body: WriteBody;
  /** The body's key for the list of items. */
  readonly itemsKey: 'profiles' | 'items' | 'interactions';
  /** Whether the body has one `source` for all items, beside the list. */
  readonly sourceOnTop: boolean;
  /** Most items per call, as in the vendor's SDKs. */
  readonly maxItems: number;
  readonly total: TotalSpelling;
}

export interface DeleteEndpoint extends EndpointBase {
  readonly action: 'delete';
  readonly method: 'DELETE';
  /** Values sent both in the JSON body, as in the vendor's collection, and in the query, as in the vendor's SDKs. */
  readonly bodyKeys: readonly string[];
}

export type Endpoint = GetEndpoint | ListEndpoint | WriteEndpoint | BulkEndpoint | DeleteEndpoint;
export type TotalSpelling = 'total_elements' | 'totalElements' | 'total_items';

/** The body for one record: `{ [idKey], source, ...beside, [wrapper]: fields }`. */
export interface WriteBody {
  readonly idKey: string;
  readonly wrapper: string;
  /** REST names of the fields that are beside the wrapper instead of in it. */
  readonly beside: readonly string[];
}

const PROFILE_BODY: WriteBody = { idKey: 'profileid', wrapper: 'profile', beside: [] };
const CONTENT_BODY: WriteBody = { idKey: 'itemid', wrapper: 'item', beside: [] };
const CONVERSION_BODY: WriteBody = { idKey: 'conversionid', wrapper: 'conversion', beside: [] };
const INTERACTION_BODY: WriteBody = { idKey: 'interactionid', wrapper: 'interaction', beside: ['objecttype'] };

const PAGING = { limit: 'optional', page: 'optional', sort: 'optional', order: 'optional' } as const;
const NEWEST_FIRST = { limit: 500, page: 1, sort: 'created', order: -1 } as const;
/** Two of the vendor's SDKs refuse more items, but its Magento plugin sends thousands. Low by default, and configurable. */
const BULK_ITEMS = 50;

export const ENDPOINTS = {
  getProfile: {
    resource: 'profile',
    action: 'get',
    method: 'GET',
    path: '/project/{project}/profile/{id}',
    query: { source: 'required' },
  },
  listProfiles: {
    resource: 'profile',
    action: 'list',
    method: 'GET',
    path: '/project/{project}/profile',
    query: { ...PAGING, source: 'optional' },
    defaults: { limit: 100, page: 1, sort: 'created', order: 1 },
    total: 'total_elements',
    idField: 'profileid',
  },
  createProfile: {
    resource: 'profile',
    action: 'create',
    method: 'POST',
    path: '/project/{project}/profile',
    query: {},
    body: PROFILE_BODY,
  },
  updateProfile: {
    resource: 'profile',
    action: 'update',
    method: 'PUT',
    path: '/project/{project}/profile/{id}',
    query: {},
    body: PROFILE_BODY,
  },
  bulkProfiles: {
    resource: 'profile',
    action: 'bulk',
    method: 'POST',
    path: '/project/{project}/profile/bulk',
    query: {},
    body: PROFILE_BODY,
    itemsKey: 'profiles',
    sourceOnTop: false,
    maxItems: BULK_ITEMS,
    total: 'totalElements',
  },
  getContent: {
    resource: 'content',
    action: 'get',
    method: 'GET',
    path: '/project/{project}/content/{id}',
    query: { source: 'required', type: 'required' },
  },
  listContents: {
    resource: 'content',
    action: 'list',
    method: 'GET',
    path: '/project/{project}/content',
    query: { ...PAGING, type: 'required' },
    defaults: NEWEST_FIRST,
    total: 'totalElements',
    idField: 'id',
  },
  createContent: {
    resource: 'content',
    action: 'create',
    method: 'POST',
    path: '/project/{project}/content',
    query: { type: 'required' },
    body: CONTENT_BODY,
  },
  updateContent: {
    resource: 'content',
    action: 'update',
    method: 'PUT',
    path: '/project/{project}/content/{id}',
    query: { type: 'required' },
    body: CONTENT_BODY,
  },
  bulkContents: {
    resource: 'content',
    action: 'bulk',
    method: 'POST',
    path: '/project/{project}/content/bulk',
    query: { type: 'required' },
    body: CONTENT_BODY,
    itemsKey: 'items',
    sourceOnTop: false,
    maxItems: BULK_ITEMS,
    total: 'totalElements',
  },
  deleteContent: {
    resource: 'content',
    action: 'delete',
    method: 'DELETE',
    path: '/project/{project}/content/{id}',
    query: { source: 'required', type: 'required' },
    bodyKeys: ['source', 'type'],
  },
  getConversion: {
    resource: 'conversion',
    action: 'get',
    method: 'GET',
    path: '/project/{project}/sale/{id}',
    query: { source: 'required' },
  },
  listConversions: {
    resource: 'conversion',
    action: 'list',
    method: 'GET',
    path: '/project/{project}/sale',
    query: PAGING,
    defaults: NEWEST_FIRST,
    total: 'total_items',
    idField: 'conversionid',
  },
  createConversion: {
    resource: 'conversion',
    action: 'create',
    method: 'POST',
    path: '/project/{project}/sale',
    query: {},
    body: CONVERSION_BODY,
  },
  bulkConversions: {
    resource: 'conversion',
    action: 'bulk',
    method: 'POST',
    path: '/project/{project}/sale/bulk',
    query: {},
    body: CONVERSION_BODY,
    itemsKey: 'items',
    sourceOnTop: true,
    maxItems: BULK_ITEMS,
    total: 'total_items',
  },
  getInteraction: {
    resource: 'interaction',
    action: 'get',
    method: 'GET',
    path: '/project/{project}/interaction/{id}',
    query: { source: 'required' },
  },
  listInteractions: {
    resource: 'interaction',
    action: 'list',
    method: 'GET',
    path: '/project/{project}/interaction',
    query: PAGING,
    defaults: NEWEST_FIRST,
    total: 'total_items',
    idField: 'interactionid',
  },
  createInteraction: {
    resource: 'interaction',
    action: 'create',
    method: 'POST',
    path: '/project/{project}/interaction',
    query: {},
    body: INTERACTION_BODY,
  },
  bulkInteractions: {
    resource: 'interaction',
    action: 'bulk',
    method: 'POST',
    path: '/project/{project}/interaction/bulk',
    query: {},
    body: INTERACTION_BODY,
    itemsKey: 'interactions',
    sourceOnTop: false,
    maxItems: BULK_ITEMS,
    total: 'total_items',
  },
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

export type Action = Endpoint['action'];

/** Names of the endpoints with action `A`, which may be a union. */
export type EndpointFor<A extends Action> = {
  [N in EndpointName]: (typeof ENDPOINTS)[N]['action'] extends A ? N : never;
}[EndpointName];

const NAMES: Readonly<Record<string, Readonly<Record<string, EndpointName>>>> = Object.fromEntries(
  Object.keys(RESOURCES).map((resource) => [
    resource,
    Object.fromEntries(
      Object.entries(ENDPOINTS)
        .filter(([, endpoint]) => endpoint.resource === resource)
        .map(([name, { action }]) => [action, name as EndpointName]),
    ),
  ]),
);

/**
 * Returns the name of a resource's endpoint for an action: `listProfiles` for `profile` and `list`.
 * @throws TypeError if the API has no such endpoint, such as an update of a conversion
 */
export function endpointFor<A extends Action>(resource: Resource, action: A): EndpointFor<A> {
  const name = NAMES[resource]?.[action];
  if (name === undefined) throw new TypeError(`The API has no endpoint for ${action} ${resource}`);
  return name as EndpointFor<A>;
}

/** A kind of record that the API lists separately. */
export interface Listed {
  readonly resource: Resource;
  /** Content only. */
  readonly type?: ContentType;
}

/** All kinds: one per resource, but two for content. */
export const LISTED: readonly Listed[] = [
  { resource: 'profile' },
  { resource: 'content', type: 'ITEM' },
  { resource: 'content', type: 'CATEGORY' },
  { resource: 'conversion' },
  { resource: 'interaction' },
];

/** An endpoint's label: its method and path template. */
export function labelOf({ method, path }: Pick<EndpointBase, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

/** The API's names of content types: singular for one record or a list, plural for a bulk write. */
const CONTENT_TYPES: Readonly<Record<ContentType, { readonly one: string; readonly many: string }>> = {
  ITEM: { one: 'item', many: 'items' },
  CATEGORY: { one: 'category', many: 'categories' },
};

/** Whether an endpoint narrows by a `source` parameter. Other lists narrow by `q[source]`. */
export function hasSourceParameter(name: EndpointName): boolean {
  return 'source' in ENDPOINTS[name].query;
}

const NO_PARAMETER = {};

/** Returns the `type` parameter of content endpoints (items or categories). Other endpoints have no parameter. */
export function typeParameter(name: EndpointName, type: ContentType = 'ITEM'): { readonly type?: string } {
  const { action, query } = ENDPOINTS[name];
  if (!('type' in query)) return NO_PARAMETER;
  return { type: action === 'bulk' ? CONTENT_TYPES[type].many : CONTENT_TYPES[type].one };
}
