import { useState } from 'react';
import type { ImageOut } from '../../api/schema';
import { gridStep } from '../../components/gridKeys';
import { Problem } from '../../components/Problem';
import { VirtualGrid } from '../../components/VirtualGrid';
import { useImages } from '../../data/images';
import { t } from '../../texts';
import { Thumbnail } from './Thumbnail';

type ImageListProps = {
  readonly chosen: string | null;
  readonly onChoose: (image: ImageOut) => void;
  readonly onOpen?: (image: ImageOut) => void;
  readonly cellWidth?: number | null;
};

/** Images of the project of which one is chosen. */
export function ImageList({ chosen, onChoose, onOpen, cellWidth = 150 }: ImageListProps) {
  const [name, setName] = useState('');
  const found = useImages(name ? { name } : {});
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const active = items.findIndex((image) => image.id === chosen);
  const choose = (index: number | null) => {
    const image = index === null ? undefined : items[index];
    if (image) onChoose(image);
  };
  return (
    <div className="image-list">
      <input
        type="search"
        className="search"
        aria-label={t.images.search}
        placeholder={t.images.search}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {found.error && <Problem error={found.error} />}
      {found.isPending && <p className="loading">{t.common.loading}</p>}
      {found.data && items.length === 0 && <p className="panel-note">{t.images.notFound}</p>}
      <VirtualGrid
        label={t.images.all}
        items={items}
        itemKey={(image) => image.id}
        rowHeight={156}
        cellWidth={cellWidth}
        current={active}
        onEnd={() => {
          if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
        }}
        listbox={{
          active,
          isSelected: (image) => image.id === chosen,
          onPick: choose,
          onOpen: (index) => items[index] && onOpen?.(items[index]),
          onKeyDown: (event, columns) => {
            const to = gridStep(event.key, active, columns, items.length);
            if (to === null && !(event.key === 'Enter' && onOpen)) return;
            event.preventDefault();
            if (to !== null) choose(to);
            else if (items[active]) onOpen?.(items[active]);
          },
        }}
      >
        {(image) => <Thumbnail image={image} />}
      </VirtualGrid>
    </div>
  );
}
