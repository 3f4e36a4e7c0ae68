/*
 * libduckdb.so at run time: the functions this adapter uses, by pointer. The library is never unloaded (its
 * threads and destructors would outlive it). The table is plain data; any thread may read it.
 */
#ifndef QF_ENGINE_DUCKDB_API_H
#define QF_ENGINE_DUCKDB_API_H

#include <duckdb.h>

#include "qf/err.h"

#define DUCK_FUNCTIONS(X)                                                                                              \
	X(append_bool)                                                                                                 \
	X(append_double)                                                                                               \
	X(append_int64)                                                                                                \
	X(append_null)                                                                                                 \
	X(append_value)                                                                                                \
	X(append_varchar_length)                                                                                       \
	X(appender_clear)                                                                                              \
	X(appender_create_query)                                                                                       \
	X(appender_destroy)                                                                                            \
	X(appender_end_row)                                                                                            \
	X(appender_error_data)                                                                                         \
	X(appender_flush)                                                                                              \
	X(array_type_child_type)                                                                                       \
	X(bind_value)                                                                                                  \
	X(clear_bindings)                                                                                              \
	X(close)                                                                                                       \
	X(column_count)                                                                                                \
	X(column_logical_type)                                                                                         \
	X(column_name)                                                                                                 \
	X(connect)                                                                                                     \
	X(connection_get_arrow_options)                                                                                \
	X(create_blob)                                                                                                 \
	X(create_bool)                                                                                                 \
	X(create_config)                                                                                               \
	X(create_data_chunk)                                                                                           \
	X(create_date)                                                                                                 \
	X(create_decimal)                                                                                              \
	X(create_decimal_type)                                                                                         \
	X(create_double)                                                                                               \
	X(create_float)                                                                                                \
	X(create_hugeint)                                                                                              \
	X(create_int16)                                                                                                \
	X(create_int32)                                                                                                \
	X(create_int64)                                                                                                \
	X(create_int8)                                                                                                 \
	X(create_interval)                                                                                             \
	X(create_list_type)                                                                                            \
	X(create_list_value)                                                                                           \
	X(create_logical_type)                                                                                         \
	X(create_null_value)                                                                                           \
	X(create_selection_vector)                                                                                     \
	X(create_task_state)                                                                                           \
	X(create_time)                                                                                                 \
	X(create_time_tz)                                                                                              \
	X(create_time_tz_value)                                                                                        \
	X(create_timestamp)                                                                                            \
	X(create_timestamp_ms)                                                                                         \
	X(create_timestamp_s)                                                                                          \
	X(create_timestamp_tz)                                                                                         \
	X(create_uint16)                                                                                               \
	X(create_uint32)                                                                                               \
	X(create_uint64)                                                                                               \
	X(create_uint8)                                                                                                \
	X(create_uuid)                                                                                                 \
	X(create_varchar_length)                                                                                       \
	X(data_chunk_get_size)                                                                                         \
	X(data_chunk_get_vector)                                                                                       \
	X(data_chunk_reset)                                                                                            \
	X(data_chunk_set_size)                                                                                         \
	X(data_chunk_to_arrow)                                                                                         \
	X(decimal_scale)                                                                                               \
	X(decimal_width)                                                                                               \
	X(destroy_arrow_options)                                                                                       \
	X(destroy_config)                                                                                              \
	X(destroy_data_chunk)                                                                                          \
	X(destroy_error_data)                                                                                          \
	X(destroy_extracted)                                                                                           \
	X(destroy_logical_type)                                                                                        \
	X(destroy_pending)                                                                                             \
	X(destroy_prepare)                                                                                             \
	X(destroy_result)                                                                                              \
	X(destroy_selection_vector)                                                                                    \
	X(destroy_task_state)                                                                                          \
	X(destroy_value)                                                                                               \
	X(disconnect)                                                                                                  \
	X(error_data_message)                                                                                          \
	X(execute_n_tasks_state)                                                                                       \
	X(execute_pending)                                                                                             \
	X(extract_statements)                                                                                          \
	X(extract_statements_error)                                                                                    \
	X(fetch_chunk)                                                                                                 \
	X(finish_execution)                                                                                            \
	X(free)                                                                                                        \
	X(get_type_id)                                                                                                 \
	X(interrupt)                                                                                                   \
	X(library_version)                                                                                             \
	X(list_type_child_type)                                                                                        \
	X(logical_type_get_alias)                                                                                      \
	X(open_ext)                                                                                                    \
	X(param_logical_type)                                                                                          \
	X(pending_error)                                                                                               \
	X(pending_execute_task)                                                                                        \
	X(pending_prepared_streaming)                                                                                  \
	X(prepare_error)                                                                                               \
	X(prepare_extracted_statement)                                                                                 \
	X(prepared_statement_column_count)                                                                             \
	X(prepared_statement_column_logical_type)                                                                      \
	X(prepared_statement_column_name)                                                                              \
	X(prepared_statement_type)                                                                                     \
	X(query)                                                                                                       \
	X(result_error)                                                                                                \
	X(result_get_arrow_options)                                                                                    \
	X(result_return_type)                                                                                          \
	X(selection_vector_get_data_ptr)                                                                               \
	X(set_config)                                                                                                  \
	X(string_t_data)                                                                                               \
	X(string_t_length)                                                                                             \
	X(to_arrow_schema)                                                                                             \
	X(vector_copy_sel)                                                                                             \
	X(vector_get_data)                                                                                             \
	X(vector_get_validity)

struct duck_api {
#define X(name) __typeof__(duckdb_##name) *name;
	DUCK_FUNCTIONS(X)
#undef X
};

/*
 * Looks in $QF_LIBDIR, in ../lib/queryflux beside the program, then where the system looks. QF_EUNSUPPORTED
 * with what to do when there is none, or when it lacks a function.
 */
int duck_api_load(struct duck_api *ret, struct qf_err *reterr) qf_must_check;

#endif
