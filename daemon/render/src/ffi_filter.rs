//! A chain of FFmpeg filters, built node by node.
//!
//! Options are set one by one through `av_opt_set`, never by parsing a graph text, so no value can ever change the
//! shape of a chain. Filter contexts never leave this file: they must not outlive their graph.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi as av;

use crate::ffi_error::{AvError, check, check_ptr};
use crate::ffi_frame::Frame;

/// One filter and its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterNode {
    /// FFmpeg's filter name.
    pub name: &'static str,
    /// Options as `(name, value)`.
    pub options: Vec<(&'static str, String)>,
}

impl FilterNode {
    /// A filter with its defaults.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            options: Vec::new(),
        }
    }

    /// Sets one option.
    #[must_use]
    pub fn with(mut self, option: &'static str, value: impl ToString) -> Self {
        self.options.push((option, value.to_string()));
        self
    }
}

/// A configured chain: frames in at one end, out at the other.
pub struct FilterChain {
    graph: NonNull<av::AVFilterGraph>,
    source: *mut av::AVFilterContext,
    sink: *mut av::AVFilterContext,
}

// SAFETY: used by one thread at a time; the graph runs no threads of its own (nb_threads is 1).
unsafe impl Send for FilterChain {}

impl FilterChain {
    /// Builds the chain for frames like `first`, whose times count in `time_base`.
    pub fn new(
        first: &Frame,
        time_base: (i32, i32),
        nodes: &[FilterNode],
    ) -> Result<Self, AvError> {
        // SAFETY: every pointer is checked; the graph owns its filters and is freed by Drop on every path.
        unsafe {
            let graph = check_ptr("allocate a filter graph", av::avfilter_graph_alloc())?;
            (*graph).nb_threads = 1;
            let mut chain = Self {
                graph: NonNull::new_unchecked(graph),
                source: ptr::null_mut(),
                sink: ptr::null_mut(),
            };
            chain.source = chain.add_source(first, time_base)?;
            let mut last = chain.source;
            for node in nodes {
                last = chain.add_node(last, node)?;
            }
            let sink = FilterNode::new("buffersink");
            chain.sink = chain.add_node(last, &sink)?;
            check(
                "configure the filters",
                av::avfilter_graph_config(graph, ptr::null_mut()),
            )?;
            Ok(chain)
        }
    }

    /// # Safety
    /// The graph must be valid (it is, as long as self).
    unsafe fn add_source(
        &mut self,
        first: &Frame,
        time_base: (i32, i32),
    ) -> Result<*mut av::AVFilterContext, AvError> {
        // SAFETY: graph and frame are valid; the parameters are freed after they were copied.
        unsafe {
            let source = self.allocate(c"buffer", c"in")?;
            let frame = &*first.as_ptr();
            let parameters = check_ptr(
                "allocate filter parameters",
                av::av_buffersrc_parameters_alloc(),
            )?;
            (*parameters).format = frame.format;
            (*parameters).width = frame.width;
            (*parameters).height = frame.height;
            (*parameters).sample_aspect_ratio = av::AVRational { num: 1, den: 1 };
            (*parameters).time_base = av::AVRational {
                num: time_base.0,
                den: time_base.1,
            };
            let set = av::av_buffersrc_parameters_set(source, parameters);
            av::av_free(parameters.cast());
            check("describe the filter's input", set)?;
            check(
                "start the filter's input",
                av::avfilter_init_str(source, ptr::null()),
            )?;
            Ok(source)
        }
    }

    /// # Safety
    /// `previous` must be a filter of this graph.
    unsafe fn add_node(
        &mut self,
        previous: *mut av::AVFilterContext,
        node: &FilterNode,
    ) -> Result<*mut av::AVFilterContext, AvError> {
        let name = CString::new(node.name).map_err(|_| missing())?;
        // SAFETY: the graph is valid, `previous` belongs to it, option strings are terminated.
        unsafe {
            let filter = self.allocate(&name, &name)?;
            for (option, value) in &node.options {
                let option = CString::new(*option).map_err(|_| missing())?;
                let value = CString::new(value.as_str()).map_err(|_| missing())?;
                let set = av::av_opt_set(
                    filter.cast(),
                    option.as_ptr(),
                    value.as_ptr(),
                    av::AV_OPT_SEARCH_CHILDREN,
                );
                check("set a filter option", set)?;
            }
            check("start a filter", av::avfilter_init_str(filter, ptr::null()))?;
            check(
                "link the filters",
                av::avfilter_link(previous, 0, filter, 0),
            )?;
            Ok(filter)
        }
    }

    fn allocate(
        &mut self,
        filter: &CStr,
        name: &CStr,
    ) -> Result<*mut av::AVFilterContext, AvError> {
        // SAFETY: the graph is valid; both names are terminated; null results are checked.
        unsafe {
            let filter = av::avfilter_get_by_name(filter.as_ptr());
            if filter.is_null() {
                return Err(missing());
            }
            check_ptr(
                "allocate a filter",
                av::avfilter_graph_alloc_filter(self.graph.as_ptr(), filter, name.as_ptr()),
            )
        }
    }

    /// Feeds a frame (which stays valid); `None` says that no more will come.
    pub fn push(&mut self, frame: Option<&Frame>) -> Result<(), AvError> {
        let raw = frame.map_or(ptr::null_mut(), Frame::as_ptr);
        // SAFETY: source and frame are valid; KEEP_REF leaves the caller's reference alone.
        let code = unsafe {
            av::av_buffersrc_add_frame_flags(
                self.source,
                raw,
                av::AV_BUFFERSRC_FLAG_KEEP_REF as c_int,
            )
        };
        check("filter a picture", code).map(drop)
    }

    /// Takes a frame out; `None` when more input is needed or everything has come out.
    pub fn pull(&mut self) -> Result<Option<Frame>, AvError> {
        let frame = Frame::empty()?;
        // SAFETY: sink and frame are valid.
        let code = unsafe { av::av_buffersink_get_frame(self.sink, frame.as_ptr()) };
        if code == AvError::AGAIN || code == AvError::EOF {
            return Ok(None);
        }
        check("filter a picture", code)?;
        // The estimate is the decoder's, in the decoder's unit; filters that count in another unit leave it as it is.
        // SAFETY: the frame is valid and ours alone.
        unsafe {
            let raw = frame.as_ptr();
            (*raw).best_effort_timestamp = (*raw).pts;
        }
        Ok(Some(frame))
    }

    /// The unit of the times of frames that come out.
    pub fn time_base(&self) -> (i32, i32) {
        // SAFETY: the sink is configured.
        let unit = unsafe { av::av_buffersink_get_time_base(self.sink) };
        (unit.num, unit.den)
    }
}

impl Drop for FilterChain {
    fn drop(&mut self) {
        let mut raw = self.graph.as_ptr();
        // SAFETY: made by avfilter_graph_alloc; frees the filters with it.
        unsafe { av::avfilter_graph_free(&raw mut raw) };
    }
}

fn missing() -> AvError {
    AvError {
        operation: "find a filter",
        code: av::AVERROR_FILTER_NOT_FOUND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32) -> Frame {
        let mut frame = Frame::yuv420p(width, height, false).unwrap();
        let (w, h) = (width as usize, height as usize);
        for (index, (w, h)) in [(w, h), (w / 2, h / 2), (w / 2, h / 2)]
            .into_iter()
            .enumerate()
        {
            frame.plane_mut(index, h, w).unwrap().0.fill(128);
        }
        frame.set_timestamp(3);
        frame
    }

    #[test]
    fn scales_by_options_set_one_by_one() {
        let frame = grey(64, 32);
        let scale = FilterNode::new("scale").with("w", 16).with("h", 8);
        let mut chain = FilterChain::new(&frame, (1, 30), &[scale]).unwrap();
        chain.push(Some(&frame)).unwrap();
        let out = chain.pull().unwrap().unwrap();
        assert_eq!((out.format().width, out.format().height), (16, 8));
        assert_eq!(out.timestamp(), Some(3));
        assert_eq!(chain.time_base(), (1, 30));
        assert!(out.plane(0, 8, 16).unwrap().0[0].abs_diff(128) <= 1);
        assert!(chain.pull().unwrap().is_none());
        assert!(
            frame.plane(0, 32, 64).is_some(),
            "the caller keeps its frame"
        );
    }

    #[test]
    fn times_count_in_the_unit_of_what_comes_out() {
        let bwdif = FilterNode::new("bwdif").with("mode", "send_frame");
        let mut frames = Vec::new();
        let mut chain = FilterChain::new(&grey(64, 64), (1, 25), &[bwdif]).unwrap();
        for time in 0..4 {
            let mut frame = grey(64, 64);
            frame.set_timestamp(time);
            chain.push(Some(&frame)).unwrap();
            while let Some(frame) = chain.pull().unwrap() {
                frames.push(frame.timestamp().unwrap());
            }
        }
        let (num, den) = chain.time_base();
        let seconds = |time: &i64| *time as f64 * f64::from(num) / f64::from(den);
        assert!(frames.len() >= 2, "{frames:?}");
        let step = seconds(&frames[1]) - seconds(&frames[0]);
        assert!((step - 0.04).abs() < 1e-9, "{step}");
    }

    #[test]
    fn refuses_unknown_filters_and_options() {
        let frame = grey(16, 16);
        let unknown = FilterNode::new("nosuchfilter");
        assert!(FilterChain::new(&frame, (1, 30), &[unknown]).is_err());
        let option = FilterNode::new("scale").with("nosuch", "1");
        assert!(FilterChain::new(&frame, (1, 30), &[option]).is_err());
    }
}
