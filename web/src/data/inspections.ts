/** Inspections of the open project and what people said of them. */

import {
  type QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { InspectionBrief, InspectionOut, ReviewIn } from '../api/schema';
import type { PictureAddress } from './pictures';
import { useProject } from './projects';
import { keyOf } from './queries';

const PAGE = 100;
const QUEUE_PAGE = 60;
const QUEUE_POLL_MS = 10_000;
const LIVE_POLL_MS = 1_000;
const RATES_POLL_MS = 10_000;
const REASONS = 200;

export type InspectionFilter = {
  readonly verdict?: InspectionBrief['verdict'];
  readonly part_id?: string;
  readonly line?: string;
  readonly open?: boolean;
  readonly review?: 'ok' | 'ng';
  readonly model_id?: string;
  readonly from_s?: number;
};

const listed = (id: string, query: InspectionFilter & { limit: number; after?: string }) =>
  unwrap(
    api.GET('/api/v1/projects/{project_id}/inspections', {
      params: { path: { project_id: id }, query },
    }),
  );

/** The latest first, page after page. */
export function useInspections(filter: InspectionFilter = {}) {
  const { id } = useProject();
  return useInfiniteQuery({
    queryKey: keyOf(id, 'inspections', filter),
    queryFn: ({ pageParam }) =>
      listed(id, { limit: PAGE, ...filter, ...(pageParam ? { after: pageParam } : {}) }),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });
}

/** The latest of those that wait for a person. */
export function useOpenInspections() {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'queue'),
    queryFn: () => listed(id, { open: true, limit: QUEUE_PAGE }),
    refetchInterval: QUEUE_POLL_MS,
  });
}

/** The newest, of a line or of all; not asked for while the page is hidden. */
export function useNewest(line: string, count: number) {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'newest', line, count),
    queryFn: () => listed(id, { limit: count, ...(line ? { line } : {}) }),
    refetchInterval: LIVE_POLL_MS,
    retry: false,
  });
}

const oneOf = (id: string, inspectionId: string) => ({
  queryKey: keyOf(id, 'inspection', inspectionId),
  queryFn: () =>
    unwrap(
      api.GET('/api/v1/projects/{project_id}/inspections/{inspection_id}', {
        params: { path: { project_id: id, inspection_id: inspectionId } },
      }),
    ),
  staleTime: 60_000,
});

export function useInspection(inspectionId: string | null) {
  const { id } = useProject();
  return useQuery({ enabled: inspectionId !== null, ...oneOf(id, inspectionId ?? '') });
}

/** So that it is there when it is wanted. */
export function usePrefetchInspection() {
  const { id } = useProject();
  const client = useQueryClient();
  return (inspectionId: string) => client.prefetchQuery(oneOf(id, inspectionId));
}

/** The captured picture, as it fills a screen. */
export const capturedAt = (projectId: string, inspectionId: string): PictureAddress => {
  const tiles = `/projects/${projectId}/inspections/${inspectionId}`;
  return { url: `${API}${tiles}/picture?kind=captured&size=screen`, tiles };
};

export const heatAt = (projectId: string, inspectionId: string): PictureAddress => ({
  url: `${API}/projects/${projectId}/inspections/${inspectionId}/picture?kind=heat`,
});

/** The golden image of a model. */
export const referenceAt = (projectId: string, modelId: string): PictureAddress => {
  const tiles = `/projects/${projectId}/models/${modelId}/reference`;
  return { url: `${API}${tiles}?size=screen`, tiles };
};

/** The same list as a table for a spreadsheet. */
export function csvUrl(projectId: string, filter: InspectionFilter): string {
  const query = new URLSearchParams(
    Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return `${API}/projects/${projectId}/inspections/export.csv?${query}`;
}

export function useReview() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ inspectionId, ...body }: ReviewIn & { inspectionId: string }) =>
      unwrap(
        api.PUT('/api/v1/projects/{project_id}/inspections/{inspection_id}/review', {
          params: { path: { project_id: id, inspection_id: inspectionId } },
          body,
        }),
      ),
    onSuccess: (inspection: InspectionOut) => refreshReviews(client, id, inspection),
    // Most often somebody else was first: then fewer wait.
    onError: () => client.invalidateQueries({ queryKey: keyOf(id, 'summary') }),
  });
}

/** False alarms become good images of the project, one after the other. */
export function useLearn() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (inspectionId: string) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/inspections/{inspection_id}/learn', {
          params: { path: { project_id: id, inspection_id: inspectionId } },
        }),
      ),
    onSettled: (_image, _error, inspectionId) => {
      for (const what of [['inspections'], ['inspection', inspectionId], ['images'], ['summary']])
        void client.invalidateQueries({ queryKey: keyOf(id, ...what) });
    },
  });
}

export function useAgreement(filter: InspectionFilter = {}) {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'agreement', filter),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/inspections/agreement', {
          params: { path: { project_id: id }, query: filter },
        }),
      ),
  });
}

/** Counts of the last hour, of a line or of all; counted anew as soon as another one is the newest. */
export function useLastHour(line: string, newestId: string | null) {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'rates', 'last-hour', line, newestId),
    queryFn: async () => {
      const to_s = Date.now() / 1000;
      const buckets = await unwrap(
        api.GET('/api/v1/projects/{project_id}/inspections/rates', {
          params: {
            path: { project_id: id },
            query: { from_s: to_s - 3600, to_s, ...(line ? { line } : {}) },
          },
        }),
      );
      const sum = (name: 'ok' | 'review' | 'ng' | 'invalid') =>
        buckets.reduce((total, bucket) => total + bucket[name], 0);
      return { ok: sum('ok'), review: sum('review'), ng: sum('ng'), invalid: sum('invalid') };
    },
    placeholderData: (before, of) => (of?.queryKey[4] === line ? before : undefined),
    gcTime: RATES_POLL_MS,
    refetchInterval: RATES_POLL_MS,
    retry: false,
  });
}

/** Reasons that people gave lately for one decision, the most frequent first. */
export function useReasonsGiven(decision: 'ok' | 'ng') {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'reasons', decision),
    queryFn: async () => {
      const page = await listed(id, { review: decision, limit: REASONS });
      const counts = new Map<string, number>();
      for (const { reason } of page.items)
        if (reason) counts.set(reason, 1 + (counts.get(reason) ?? 0));
      return [...counts].sort((a, b) => b[1] - a[1]).map(([reason]) => reason);
    },
    staleTime: 300_000,
  });
}

/** Take the last word on one back: it waits again. */
export function useWithdraw() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (inspectionId: string) =>
      unwrap(
        api.DELETE('/api/v1/projects/{project_id}/inspections/{inspection_id}/review', {
          params: { path: { project_id: id, inspection_id: inspectionId } },
        }),
      ),
    onSuccess: (inspection: InspectionOut) => refreshReviews(client, id, inspection),
  });
}

function refreshReviews(client: QueryClient, id: string, inspection: InspectionOut): void {
  client.setQueryData(keyOf(id, 'inspection', inspection.id), inspection);
  for (const what of ['inspections', 'queue', 'summary', 'agreement', 'rates'])
    void client.invalidateQueries({ queryKey: keyOf(id, what) });
}
