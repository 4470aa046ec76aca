/** What people say of images. */

import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { AnnotationOut, Counts, ImageOut, OutlineIn } from '../api/schema';
import type { Label, Split } from '../core/sidecar';
import { useProject } from './projects';
import { keyOf } from './queries';

/** What the server takes in one request. */
const MOST_IMAGES = 2000;
const EXAMPLES = 40;

export function useCounts() {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'labels'),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/labels', { params: { path: { project_id: id } } }),
      ),
  });
}

/** One verdict on many whole images; null takes it back. */
export function useSetLabels() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (what: { ids: readonly string[]; verdict: Label | null }) => {
      let counts: Counts | null = null;
      for (let at = 0; at < what.ids.length; at += MOST_IMAGES)
        counts = await unwrap(
          api.PUT('/api/v1/projects/{project_id}/labels', {
            params: { path: { project_id: id } },
            body: {
              image_ids: what.ids.slice(at, at + MOST_IMAGES),
              verdict: what.verdict,
            },
          }),
        );
      return counts;
    },
    onSuccess: (counts) => client.setQueryData(keyOf(id, 'labels'), counts),
    onSettled: (_, __, { ids }) => {
      for (const imageId of ids)
        client.removeQueries({ queryKey: keyOf(id, 'annotation', imageId) });
      void client.invalidateQueries({ queryKey: keyOf(id, 'summary') });
      void client.invalidateQueries({ queryKey: keyOf(id, 'images') });
    },
  });
}

export const readAnnotationOf = (projectId: string, imageId: string): Promise<AnnotationOut> =>
  unwrap(
    api.GET('/api/v1/projects/{project_id}/images/{image_id}/annotation', {
      params: { path: { project_id: projectId, image_id: imageId } },
    }),
  );

/** What is on its way; who opens the image again waits for it. */
const writing = new Map<string, Promise<unknown>>();

export function saveAnnotation(
  projectId: string,
  imageId: string,
  revision: number,
  content: Record<string, unknown>,
): Promise<AnnotationOut> {
  const saved = unwrap(
    api.PUT('/api/v1/projects/{project_id}/images/{image_id}/annotation', {
      params: { path: { project_id: projectId, image_id: imageId } },
      body: { revision, content },
    }),
  );
  const done = saved.then(
    () => {},
    () => {},
  );
  writing.set(imageId, done);
  void done.then(() => writing.get(imageId) === done && writing.delete(imageId));
  return saved;
}

/** Always asked anew: what is drawn on has to be the latest. */
export function useAnnotation(imageId: string) {
  const { id } = useProject();
  return useQuery({
    queryKey: keyOf(id, 'annotation', imageId),
    queryFn: async () => {
      await writing.get(imageId);
      return readAnnotationOf(id, imageId);
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

type Pages = { readonly pages: readonly { readonly items: readonly ImageOut[] }[] };

/**
 * Enter what was saved into the lists that are shown. Nothing is taken out of a filtered list while
 * somebody goes through it; the next look at the list asks anew.
 */
export function noteSaved(
  client: QueryClient,
  projectId: string,
  imageId: string,
  saved: Pick<AnnotationOut, 'label' | 'revision'>,
  split: Split | null,
): void {
  const { label, revision } = saved;
  const isIt = (image: ImageOut) => image.id === imageId;
  client.setQueriesData<Pages>({ queryKey: keyOf(projectId, 'images') }, (found) =>
    found?.pages?.some((page) => page.items.some(isIt))
      ? {
          ...found,
          pages: found.pages.map((page) => ({
            ...page,
            items: page.items.map((image) =>
              isIt(image) ? { ...image, label, revision, split } : image,
            ),
          })),
        }
      : found,
  );
  void client.invalidateQueries({ queryKey: keyOf(projectId, 'images'), refetchType: 'none' });
  void client.invalidateQueries({ queryKey: keyOf(projectId, 'labels') });
  void client.invalidateQueries({ queryKey: keyOf(projectId, 'summary') });
}

/** The smart tool: outlines of what the points show. */
export function useOutline(imageId: string) {
  const { id } = useProject();
  return useMutation({
    mutationFn: (body: OutlineIn) =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/images/{image_id}/outline', {
          params: { path: { project_id: id, image_id: imageId } },
          body,
        }),
      ),
  });
}

/** Defect types in use: those of the problem statement and of the first bad images. */
export function useDefectTypes() {
  const project = useProject();
  const { id } = project;
  const stated = (project.problem as { defects?: readonly { type?: unknown }[] }).defects ?? [];
  return useQuery({
    queryKey: keyOf(id, 'defect-types'),
    queryFn: async () => {
      const bad = await unwrap(
        api.GET('/api/v1/projects/{project_id}/images', {
          params: { path: { project_id: id }, query: { label: 'ng', limit: EXAMPLES } },
        }),
      );
      const said = await Promise.all(bad.items.map((image) => readAnnotationOf(id, image.id)));
      const names = [
        ...stated.map((one) => one.type),
        ...said.flatMap((one) => (one.content ? labelsIn(one.content) : [])),
      ];
      return [...new Set(names.filter((name): name is string => !!name))];
    },
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });
}

/** Labels of the defects in a sidecar; a shape with a verdict is the outline of a region. */
function labelsIn(content: Record<string, unknown>): unknown[] {
  const shapes = (content.shapes ?? []) as { label?: unknown; flags?: Record<string, unknown> }[];
  return shapes
    .filter((shape) => !('OK' in (shape.flags ?? {})) && !('NG' in (shape.flags ?? {})))
    .map((shape) => shape.label);
}
