/** One image of the list: what is needed to draw on it, and the way to the next. */

import { useEffect, useMemo, useState } from 'react';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { type Annotation, EMPTY_ANNOTATION, readAnnotation } from '../../core/sidecar';
import { useAnnotation } from '../../data/annotations';
import { useImage, usePrefetch } from '../../data/images';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useTemplate } from '../../data/templates';
import { t } from '../../texts';
import { Annotator } from './Annotator';
import type { Mode, Neighbours } from './going';
import type { ImageRow } from './useImageRow';

type ImageViewProps = {
  readonly imageId: string;
  readonly row: ImageRow;
  readonly mode: Mode | null;
  readonly onMode: (mode: Mode) => void;
  readonly type: string;
  readonly onType: (type: string) => void;
  readonly onGo: (imageId: string) => void;
};

export function ImageView(props: ImageViewProps) {
  const { imageId, row } = props;
  const project = useProject();
  const notify = useNotify();
  const image = useImage(imageId);
  const said = useAnnotation(imageId);
  const template = useTemplate();
  const [loads, setLoads] = useState(0);
  const { before, at, after } = row.placeOf(imageId);
  const previous = row.items[before] ?? null;
  const next = row.items[after] ?? null;
  usePrefetch(next);
  const isNearEnd = row.items.length - after < 10;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each part of the list
  useEffect(() => {
    if (isNearEnd) row.more();
  }, [isNearEnd, row.items.length]);
  const content = said.data?.content;
  const base = useMemo((): Annotation | Error => {
    try {
      return content ? readAnnotation(JSON.stringify(content)) : EMPTY_ANNOTATION;
    } catch (error) {
      return error as Error;
    }
  }, [content]);

  const neighbours: Neighbours = {
    place:
      at === null
        ? null
        : t.annotate.image.place(at + 1, `${row.items.length}${row.hasMore ? '+' : ''}`),
    previous,
    next,
    back: () => props.onGo(''),
    step: (by) => {
      const to = by > 0 ? next : previous;
      if (to) props.onGo(to.id);
      else notify(by > 0 ? t.annotate.image.last : t.annotate.image.first);
    },
  };
  const problem = image.error ?? said.error ?? template.error ?? (base instanceof Error && base);
  if (problem)
    return (
      <>
        <PageHeader title={t.nav.annotate}>
          <a className="button button-plain" href={pageLink(project.id, 'annotate')}>
            {t.annotate.image.back}
          </a>
        </PageHeader>
        <Problem error={problem} />
      </>
    );
  if (!image.data || !said.data || template.data === undefined || base instanceof Error)
    return <p className="loading">{t.common.loading}</p>;
  return (
    <Annotator
      key={`${imageId} ${loads}`}
      image={image.data}
      base={base}
      revision={said.data.revision}
      template={template.data}
      neighbours={neighbours}
      mode={props.mode}
      onMode={props.onMode}
      type={props.type}
      onType={props.onType}
      onReload={async () => {
        await said.refetch();
        setLoads((n) => n + 1);
      }}
    />
  );
}
