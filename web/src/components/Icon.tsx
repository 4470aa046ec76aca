/** Line pictures on a 20 x 20 grid, drawn for the studio. */
const PATHS = {
  select: 'M5 3l10 7-4.5 1L8 16z',
  pan: 'M10 2v16M2 10h16M10 2L8 4m2-2l2 2M10 18l-2-2m2 2l2-2M2 10l2-2m-2 2l2 2M18 10l-2-2m2 2l-2 2',
  rectangle: 'M3 5h14v10H3z',
  polygon: 'M4 15L3 6l8-3 6 6-4 8z',
  ellipse:
    'M10 4.5c4.4 0 7.5 2.4 7.5 5.5s-3.100 5.500-7.500 5.500S2.500 13.100 2.500 10 5.600 4.500 10 4.500z',
  brush: 'M16.500 3.500L9 11M9 11c-2-.5-4 .8-4 3 0 1-.7 2-2 2.500 3 .8 7 .3 7-3 0-1-.4-2-1-2.500z',
  eraser: 'M3.500 12.500l8-8 5 5-7 7h-4zM7.500 8.500l5 5M9 16.500h8',
  undo: 'M7 5L3.500 8.500 7 12M4 8.500h7.500a4.500 4.500 0 010 9H8',
  redo: 'M13 5l3.500 3.500L13 12M16 8.500H8.500a4.500 4.500 0 000 9H12',
  copy: 'M7 7h9v10H7zM13 7V3.500H4V13h3',
  remove:
    'M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500l.8 11.500h7.400l.8-11.500M8.500 8.500v5.500M11.500 8.500v5.500',
  lock: 'M5 9h10v8H5zM7 9V6.500a3 3 0 016 0V9',
  unlock: 'M5 9h10v8H5zM7 9V6a3 3 0 015.800-1',
  left: 'M3.500 3v14M6.500 5.500h10v3h-10zM6.500 11.500h6v3h-6z',
  center: 'M10 2.500v15M4.500 5.500h11v3h-11zM6.500 11.500h7v3h-7z',
  right: 'M16.500 3v14M3.500 5.500h10v3h-10zM7.500 11.500h6v3h-6z',
  top: 'M3 3.500h14M5.500 6.500v10h3v-10zM11.500 6.500v6h3v-6z',
  middle: 'M2.500 10h15M5.500 4.500v11h3v-11zM11.500 6.500v7h3v-7z',
  bottom: 'M3 16.500h14M5.500 3.500v10h3v-10zM11.500 7.500v6h3v-6z',
  size: 'M2.500 5.500h6v9h-6zM11.500 5.500h6v9h-6z',
  open: 'M3 16V4.500h5l1.500 2H17V16z',
  save: 'M10 3v9M6 8.500l4 4 4-4M3.500 16.500h13',
  close: 'M5 5l10 10M15 5L5 15',
  image: 'M3 4h14v12H3zM3 13l4-4 3.500 3.500L13 10l4 4M12.500 7.500h.01',
  annotate: 'M4 16l1-4L14 3l3 3-9 9zM4 16h12',
  health: 'M2.500 10H6l2-5 4 10 2-5h3.500',
  train: 'M5 4v12l10-6z',
  evaluate: 'M3.500 16.500h13M5.500 16.500v-5M9 16.500V7M12.500 16.500V4M15.500 16.500v-8',
  inspect: 'M9 3.500a5.500 5.500 0 100 11 5.500 5.500 0 000-11zM13 13l4 4',
  deploy: 'M10 13V3M6 7l4-4 4 4M3.500 12v4.500h13V12',
  quality: 'M10 2.500l6 2.500v4.500c0 4-2.500 6.500-6 8-3.500-1.500-6-4-6-8V5zM7 10l2 2 4-4',
  administration: 'M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4',
  template: 'M3 3h14v14H3zM6 6h4v4H6zM12.500 12.500h2v2h-2z',
  home: 'M3 9.5L10 3.500l7 6M5 8.500V16.500h10V8.500M8.500 16.500v-4.500h3v4.500',
  drift: 'M2.500 13.500c2.500 0 2.500-6 5-6s2.500 5 5 5 2.500-8 5-8M2.500 17h15',
  leave: 'M12 4H4.500v12H12M8.500 10H17M14 7l3 3-3 3',
  help: 'M7.500 7.500a2.500 2.500 0 115 .2c0 1.800-2.500 2-2.500 3.800M10 14.500h.01',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
