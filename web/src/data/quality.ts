/** Inspections over time and by part, and signatures under models. */

import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { API, api, unwrap } from '../api/client';
import type { SignOffIn } from '../api/schema';
import { useProject } from './projects';
import { keyOf } from './queries';
import { withQuery } from './upkeep';

const RATES_POLL_MS = 60_000;
const PAGE = 50;
const MOST_LINES_LOOKED_AT = 500;

/** In seconds since 1970. */
export type Span = {
  readonly from_s: number;
  readonly to_s: number;
  readonly bucket: 'hour' | 'day';
};

/** Counts by hour or day, and how people and model agree; `span` tells the time anew each time. */
export function useRates(name: readonly unknown[], span: () => Span, line: string) {
  const { id } = useProject();
  const more = line ? { line } : {};
  return useQuery({
    queryKey: keyOf(id, 'rates', ...name, line),
    queryFn: async () => {
      const { from_s, to_s, bucket } = span();
      const params = { path: { project_id: id } };
      const [rows, agreement] = await Promise.all([
        unwrap(
          api.GET('/api/v1/projects/{project_id}/inspections/rates', {
            params: { ...params, query: { from_s, to_s, bucket, ...more } },
          }),
        ),
        unwrap(
          api.GET('/api/v1/projects/{project_id}/inspections/agreement', {
            params: { ...params, query: { from_s, to_s, ...more } },
          }),
        ),
      ]);
      return { rows, agreement, from_s, to_s, bucket };
    },
    placeholderData: keepPreviousData,
    refetchInterval: RATES_POLL_MS,
  });
}

/** Lines that the latest inspections came from. */
export function useLines() {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'lines'),
    staleTime: RATES_POLL_MS,
    queryFn: async () => {
      const page = await unwrap(
        api.GET('/api/v1/projects/{project_id}/inspections', {
          params: { path: { project_id: id }, query: { limit: MOST_LINES_LOOKED_AT } },
        }),
      );
      return [...new Set(page.items.flatMap((one) => one.line ?? []))].sort();
    },
  });
}

/** Every inspection of a part, the latest first. */
export function usePartInspections(partId: string) {
  const { id } = useProject();
  return useInfiniteQuery({
    enabled: partId !== '',
    queryKey: keyOf(id, 'inspections', 'of-part', partId),
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/inspections', {
          params: {
            path: { project_id: id },
            query: { part_id: partId, limit: PAGE, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });
}

export type CsvFilter = {
  readonly part_id?: string;
  readonly line?: string;
  readonly from_s?: number;
  readonly to_s?: number;
};

/** A table for a spreadsheet; the browser saves it as a file. */
export const inspectionsCsvUrl = (projectId: string, filter: CsvFilter): string =>
  withQuery(`${API}/projects/${projectId}/inspections/export.csv`, filter);

/** A small one of the captured picture. */
export const capturedUrl = (projectId: string, inspectionId: string): string =>
  `${API}/projects/${projectId}/inspections/${inspectionId}/picture?size=thumbnail`;

export function useSignOffs(modelId: string) {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'sign-offs', modelId),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/models/{model_id}/sign-offs', {
          params: { path: { project_id: id, model_id: modelId } },
        }),
      ),
  });
}

export function useSign(modelId: string) {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: SignOffIn) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/models/{model_id}/sign-offs', {
          params: { path: { project_id: id, model_id: modelId } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keyOf(id, 'sign-offs', modelId) }),
  });
}
