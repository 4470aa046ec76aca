/** The template of the open project, its versions on the server, and a look at the alignment. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';
import type { AlignmentOut, AsReference, TemplateOut } from '../api/schema';
import { readTemplate, type Template, templateText } from '../core/template';
import { useProject } from './projects';
import { keyOf } from './queries';

/** The latest version; null = nobody drew one. */
export async function latestTemplate(projectId: string): Promise<TemplateOut | null> {
  const params = { path: { project_id: projectId } };
  const summary = await unwrap(api.GET('/api/v1/projects/{project_id}/summary', { params }));
  if (summary.template_version === null) return null;
  return unwrap(api.GET('/api/v1/projects/{project_id}/template', { params }));
}

export function useTemplate() {
  const { id } = useProject();
  return useQuery({ queryKey: keyOf(id, 'template'), queryFn: () => latestTemplate(id) });
}

export const templateOf = (row: TemplateOut): Template => readTemplate(JSON.stringify(row.content));

/** What goes over the wire: the content of `template.json`. */
export const contentOf = (template: Template): Record<string, unknown> =>
  JSON.parse(templateText(template));

export function useSaveTemplate() {
  const { id } = useProject();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (what: { referenceId: string; template: Template }) =>
      unwrap(
        api.PUT('/api/v1/projects/{project_id}/template', {
          params: { path: { project_id: id } },
          body: { reference_id: what.referenceId, content: contentOf(what.template) },
        }),
      ),
    onSuccess: (row) => {
      client.setQueryData(keyOf(id, 'template'), row);
      // The first reference is a good part from then on.
      for (const what of ['summary', 'images', 'labels'])
        void client.invalidateQueries({ queryKey: keyOf(id, what) });
    },
  });
}

export type { AsReference };

const referenceQuery = (projectId: string, imageId: string, policy: Template['sizePolicy']) => ({
  queryKey: keyOf(projectId, 'as-reference', imageId, policy),
  queryFn: () =>
    unwrap(
      api.GET('/api/v1/projects/{project_id}/images/{image_id}/as-reference', {
        params: {
          path: { project_id: projectId, image_id: imageId },
          query: { size_policy: policy },
        },
      }),
    ),
  staleTime: 0,
});

/** What speaks against an image as the reference; null asks nothing. */
export function useAsReference(imageId: string | null, policy: Template['sizePolicy']) {
  const { id } = useProject();
  return useQuery({ enabled: imageId !== null, ...referenceQuery(id, imageId ?? '', policy) });
}

/** The same, before it becomes the reference. */
export function useAskAsReference() {
  const { id } = useProject();
  const client = useQueryClient();
  return (imageId: string, policy: Template['sizePolicy']) =>
    client.fetchQuery(referenceQuery(id, imageId, policy));
}

/** How an image lies over the reference, by a template that need not be saved; null asks nothing. */
export function useAlignment(
  what: { imageId: string; referenceId: string; template: Template } | null,
) {
  const { id } = useProject();
  const content = what && contentOf(what.template);
  // Only these decide; a region more makes no other alignment.
  const { alignment, reference, size_policy } = content ?? {};
  return useQuery({
    enabled: what !== null,
    queryKey: keyOf(id, 'alignment', what?.imageId, { alignment, reference, size_policy }),
    queryFn: ({ signal }): Promise<AlignmentOut> =>
      unwrap(
        api.POST('/api/v1/projects/{project_id}/alignment', {
          params: { path: { project_id: id } },
          body: {
            image_id: what?.imageId ?? '',
            reference_id: what?.referenceId ?? '',
            template: content ?? {},
          },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
}
